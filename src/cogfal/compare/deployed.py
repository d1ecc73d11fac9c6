"""What of an app is deployed on fal now: its revision and its document, asked without a runner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from fal import flags
from fal.auth import current_user_info
from fal.sdk import FalServerlessClient, get_credentials

from cogfal.compare.compatibility import Change, compare_signatures
from cogfal.compare.signatures import signature_of
from cogfal.errors import CallFailed
from cogfal.spec import JSON

TIMEOUT = 30.0  # seconds


@dataclass(frozen=True)
class Deployed:
    """An app that is deployed.

    Attributes:
        app: Its name on fal, `owner/name`.
        revision: What answers its callers now.
        document: The OpenAPI document that fal keeps of it, None where fal shows none.
    """

    app: str
    revision: str
    document: Mapping[str, JSON] | None

    def changes(self, document: Mapping[str, Any]) -> list[Change]:
        """Return what a document to be deployed changes for callers; none where that is unknown."""
        if self.document is None:
            return []
        return compare_signatures(signature_of(self.document), signature_of(document))


def find_deployed(name: str) -> Deployed | None:
    """Return the app of this name of the current account, None where none is deployed.

    Raises:
        CallFailed: fal cannot be asked.
    """
    try:
        credentials = get_credentials()
        with FalServerlessClient(flags.GRPC_HOST, credentials).connect() as connection:
            found = [each for each in connection.list_aliases() if each.alias == name]
        if not found:
            return None
        app = f"{current_user_info(credentials.to_headers())['nickname']}/{name}"
    except Exception as error:  # gRPC's, fal's and urllib's, all about the same thing
        raise CallFailed(f"fal cannot be asked what is deployed: {error}") from error
    return Deployed(app, found[0].revision, _document(app, credentials.to_headers()))


def restore(deployed: Deployed) -> None:
    """Let the revision answer again that was deployed before; raises CallFailed."""
    name = deployed.app.rpartition("/")[2]
    try:
        with FalServerlessClient(flags.GRPC_HOST, get_credentials()).connect() as connection:
            connection.create_alias(name, deployed.revision, None)
    except Exception as error:  # as above
        raise CallFailed(
            f"the revision before cannot be restored: {error}; "
            f"`fal apps set-rev {name} {deployed.revision}` does it"
        ) from error


def _document(app: str, headers: Mapping[str, str]) -> dict[str, JSON] | None:
    """Ask fal for what it keeps of an app."""
    host = flags.FAL_RUN_HOST.replace("fal.run", "fal.ai")
    url = f"https://{host}/api/openapi/queue/openapi.json"
    try:
        response = httpx.get(
            url, params={"endpoint_id": app}, headers=dict(headers), timeout=TIMEOUT
        )
        found = response.json() if response.is_success else None
    except (httpx.HTTPError, ValueError):
        return None
    described = isinstance(found, dict) and "Input" in found.get("components", {}).get(
        "schemas", {}
    )
    return found if described else None
