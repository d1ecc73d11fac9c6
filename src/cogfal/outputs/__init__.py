"""What the author's code returned or yielded, turned into JSON with its files delivered."""

from cogfal.outputs.delivery import Deliverer, Style
from cogfal.outputs.places import Places
from cogfal.outputs.promises import may_hold_file

__all__ = ["Deliverer", "Places", "Style", "may_hold_file"]
