"""What the author's code returned or yielded, with its files delivered."""

from cogfal.outputs.delivery import Deliverer, Style, may_hold_file
from cogfal.outputs.directories import OutputDirectories

__all__ = ["Deliverer", "OutputDirectories", "Style", "may_hold_file"]
