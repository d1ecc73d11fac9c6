"""Turn what the author's side tells of a failure into the errors that callers see."""

from __future__ import annotations

from cogfal.errors import DeviceError, PredictorFailed, PredictorMismatch, SetupError
from cogfal.guest.events import Failure
from cogfal.guest.faults import Fault


def failure(fault: Fault) -> PredictorFailed:
    """Return the error to report for an exception of the author's code."""
    failed = (DeviceError if fault.device else PredictorFailed)(fault.text)
    if isinstance(failed, DeviceError):
        failed.broken = fault.broken
    failed.fal = fault.fal
    failed.__cause__ = fault.error
    return failed


def setup_error(failed: Failure) -> SetupError:
    """Return the error to report for a predictor that cannot be brought up."""
    error = (PredictorMismatch if failed.mismatch else SetupError)(
        failed.text, remedy=failed.remedy
    )
    if failed.fault is not None:
        error.traceback = failed.fault.traceback
        error.__cause__ = failed.fault.error
    return error


def lost(cause: str) -> Fault:
    """Describe the death of the author's process."""
    return Fault(cause, f"{cause}\n")
