"""What the author's code returned or yielded, turned into JSON with its files delivered."""

from cogfal.outputs.delivery import Deliverer, Style

__all__ = ["Deliverer", "Style"]
