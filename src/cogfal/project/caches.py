"""Point the caches of download libraries at fal's persistent disk, by their own variables."""

from __future__ import annotations

from typing import Final

_VARIABLES: Final = {
    "HF_HOME": "huggingface",
    "TORCH_HOME": "torch",
    "XDG_CACHE_HOME": "",
    "MODELSCOPE_CACHE": "modelscope",
    "NLTK_DATA": "nltk",
    "TFHUB_CACHE_DIR": "tfhub",
    "KERAS_HOME": "keras",
    "U2NET_HOME": "u2net",
    "YOLO_CONFIG_DIR": "ultralytics",
    "EASYOCR_MODULE_PATH": "easyocr",
    "COGFAL_DOWNLOADS": "downloads",
}


def cache_variables(directory: str | None) -> tuple[tuple[str, str], ...]:
    """Return the variables that make libraries download into `directory`; none for None.

    `COGFAL_DOWNLOADS` is read by cogfal's own `pget`.
    """
    if directory is None:
        return ()
    base = directory.rstrip("/")
    return tuple((name, f"{base}/{part}".rstrip("/")) for name, part in _VARIABLES.items())
