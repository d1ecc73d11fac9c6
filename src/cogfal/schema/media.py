"""Describe a file in an answer, as fal.toolkit's File, Image, Video and Audio do.

The Playground shows an object with `url` and `content_type` as media. fal itself is not imported,
since the runner does not have it.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cogfal.schema.widgets import MediaKind


def _schema_of(kind: MediaKind) -> ConfigDict:
    """Return the settings of a kind of media: its widget, and no docstring in the document."""

    def change(schema: dict[str, Any]) -> None:
        schema.pop("description", None)
        if kind is not MediaKind.FILE:
            schema["ui"] = {"field": kind.value}

    return ConfigDict(json_schema_extra=change)


class File(BaseModel):
    """A file that was delivered."""

    model_config = _schema_of(MediaKind.FILE)

    url: str = Field(description="The URL where the file can be downloaded from.")
    content_type: str | None = Field(
        default=None, description="The mime type of the file.", examples=["image/png"]
    )
    file_name: str | None = Field(
        default=None, description="The name of the file.", examples=["z9RV14K95DvU.png"]
    )
    file_size: int | None = Field(
        default=None, description="The size of the file in bytes.", examples=[4404019]
    )


class Image(File):
    """A picture that was delivered."""

    model_config = _schema_of(MediaKind.IMAGE)

    width: int | None = Field(
        default=None, description="The width of the image in pixels.", examples=[1024]
    )
    height: int | None = Field(
        default=None, description="The height of the image in pixels.", examples=[1024]
    )


class Video(File):
    """A video that was delivered."""

    model_config = _schema_of(MediaKind.VIDEO)


class Audio(File):
    """A sound that was delivered."""

    model_config = _schema_of(MediaKind.AUDIO)


MEDIA: dict[MediaKind, type[File]] = {
    MediaKind.IMAGE: Image,
    MediaKind.VIDEO: Video,
    MediaKind.AUDIO: Audio,
    MediaKind.FILE: File,
}
"""The model of each kind of media."""
