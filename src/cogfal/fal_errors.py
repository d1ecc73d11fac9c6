"""Exceptions by which a predictor tells fal's callers what went wrong, in fal's own words.

    from cogfal import fal_errors

    raise fal_errors.ContentPolicyViolation("the prompt asks for ...", loc="prompt")

On fal the answer has the status, the type, the place and the billing of the kind, which callers'
programs tell apart by its type. Elsewhere, as under Cog, each is an ordinary exception with its
message. Nothing of fal's is imported, and nothing newer than Python 3.7 is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class FalError(Exception):
    """An error with a meaning on fal; subclass it for one of your own, or raise one from below.

    Args:
        message: What happened, for people.
        loc: The input that it is about, or the path to a value inside of one; nothing for the
            request as a whole.
        retryable: Whether the same request may succeed another time.
        billable_units: What the request costs nevertheless; an error that is the caller's costs
            nothing unless this says so, and of others fal's own rules hold.
        context: Numbers and names that belong to the kind, such as `min_width=64`.
    """

    type = "internal_server_error"
    status = 500
    retryable = False

    def __init__(
        self,
        message: str = "",
        loc: str | Sequence[str | int] = (),
        *,
        retryable: bool | None = None,
        billable_units: float | None = None,
        **context: Any,
    ) -> None:
        super().__init__(message or self.type.replace("_", " "))
        self.loc = (loc,) if isinstance(loc, str) else tuple(loc)
        self.context = context
        if retryable is not None:
            self.retryable = retryable
        caused_by_caller = self.status < 500 and billable_units is None
        self.billable_units = 0 if caused_by_caller else billable_units


class GenerationTimeout(FalError):
    """The model took too long."""

    type = "generation_timeout"
    status = 504


class DownstreamServiceError(FalError):
    """A service that the model asks refused the request."""

    type = "downstream_service_error"
    status = 400


class DownstreamServiceUnavailable(FalError):
    """A service that the model asks does not answer."""

    type = "downstream_service_unavailable"
    retryable = True


class InputError(FalError):
    """Base of what is wrong with the request itself."""

    type = "value_error"
    status = 422


class ContentPolicyViolation(InputError):
    """The request, or what came of it, may not be."""

    type = "content_policy_violation"


class NoMediaGenerated(InputError):
    """The model had nothing to show for this request."""

    type = "no_media_generated"


class FeatureNotSupported(InputError):
    """The inputs ask together for what the model cannot do."""

    type = "feature_not_supported"


class OneOf(InputError):
    """The value is none of `expected`, a list."""

    type = "one_of"


class GreaterThan(InputError):
    """The number has to be greater than `gt`."""

    type = "greater_than"


class GreaterThanEqual(InputError):
    """The number has to be `ge` or greater."""

    type = "greater_than_equal"


class LessThan(InputError):
    """The number has to be less than `lt`."""

    type = "less_than"


class LessThanEqual(InputError):
    """The number has to be `le` or less."""

    type = "less_than_equal"


class MultipleOf(InputError):
    """The number has to be a multiple of `multiple_of`."""

    type = "multiple_of"


class ImageTooSmall(InputError):
    """The image has less than `min_width` by `min_height` pixels."""

    type = "image_too_small"


class ImageTooLarge(InputError):
    """The image has more than `max_width` by `max_height` pixels."""

    type = "image_too_large"


class ImageLoadError(InputError):
    """The image cannot be read."""

    type = "image_load_error"


class FaceDetectionError(InputError):
    """The image shows no face that the model can find."""

    type = "face_detection_error"


class FileDownloadError(InputError):
    """The file cannot be had."""

    type = "file_download_error"


class FileTooLarge(InputError):
    """The file has more than `max_size` bytes."""

    type = "file_too_large"


class SequenceTooShort(InputError):
    """The list or text has less than `min_length` elements."""

    type = "sequence_too_short"


class SequenceTooLong(InputError):
    """The list or text has more than `max_length` elements."""

    type = "sequence_too_long"


class InvalidArchive(InputError):
    """The archive cannot be read; `supported_extensions` could be."""

    type = "invalid_archive"


class ArchiveFileCountBelowMinimum(InputError):
    """The archive holds `provided_count` files, less than `min_count`."""

    type = "archive_file_count_below_minimum"


class ArchiveFileCountExceedsMaximum(InputError):
    """The archive holds `provided_count` files, more than `max_count`."""

    type = "archive_file_count_exceeds_maximum"


class AudioDurationTooShort(InputError):
    """The audio lasts `provided_duration` seconds, less than `min_duration`."""

    type = "audio_duration_too_short"


class AudioDurationTooLong(InputError):
    """The audio lasts `provided_duration` seconds, more than `max_duration`."""

    type = "audio_duration_too_long"


class VideoDurationTooShort(InputError):
    """The video lasts `provided_duration` seconds, less than `min_duration`."""

    type = "video_duration_too_short"


class VideoDurationTooLong(InputError):
    """The video lasts `provided_duration` seconds, more than `max_duration`."""

    type = "video_duration_too_long"


class UnsupportedAudioFormat(InputError):
    """The audio is in none of `supported_formats`."""

    type = "unsupported_audio_format"


class UnsupportedImageFormat(InputError):
    """The image is in none of `supported_formats`."""

    type = "unsupported_image_format"


class UnsupportedVideoFormat(InputError):
    """The video is in none of `supported_formats`."""

    type = "unsupported_video_format"
