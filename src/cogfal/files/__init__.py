"""Files on their way in and out: names, kinds, limits, fetching, storing, a prediction's directory.

Nothing here knows inputs, outputs or fal; `inputs`, `outputs` and `fal_files` do.
"""

from cogfal.files.cache import FileCache
from cogfal.files.data_urls import parse_data_url, to_data_url
from cogfal.files.fetching import Fetched, Fetcher, FileVersion, HttpFetcher
from cogfal.files.limits import FetchBudget, FetchError, FileLimits, StoreError, TooLarge
from cogfal.files.media import describe
from cogfal.files.store import (
    DataUrlStore,
    LocalFile,
    LocalStore,
    Store,
    StoredFile,
    stored,
)
from cogfal.files.workspace import Workspace

__all__ = [
    "DataUrlStore",
    "FetchBudget",
    "FetchError",
    "Fetched",
    "Fetcher",
    "FileCache",
    "FileLimits",
    "FileVersion",
    "HttpFetcher",
    "LocalFile",
    "LocalStore",
    "Store",
    "StoreError",
    "StoredFile",
    "TooLarge",
    "Workspace",
    "describe",
    "parse_data_url",
    "stored",
    "to_data_url",
]
