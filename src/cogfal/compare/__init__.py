"""Compare a model in two places: what it takes and gives, what it answers, how fast."""

from cogfal.compare.compatibility import Change, Verdict, compare_signatures
from cogfal.compare.signatures import Signature, signature_of

__all__ = ["Change", "Signature", "Verdict", "compare_signatures", "signature_of"]
