"""What the gateway answers instead of what was asked for, in the form of Replicate's problems."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse

from cogfal.answers import problems_of
from cogfal.spec import JSON


class Refusal(Exception):
    """Report a request that is not fulfilled; `detail` says why, and what to do."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        *,
        retry_after: int | None = None,
        fields: list[JSON] | None = None,
    ) -> None:
        self.status = status
        self.title = title
        self.detail = detail
        self.fields = fields
        self.headers: Mapping[str, str] = (
            {} if retry_after is None else {"Retry-After": str(retry_after)}
        )
        super().__init__(f"{status} {title}: {detail}")

    def response(self) -> JSONResponse:
        """Return it as a response."""
        body: dict[str, JSON] = {
            "title": self.title,
            "detail": self.detail,
            "status": self.status,
        }
        if self.fields is not None:
            body["invalid_fields"] = self.fields
        return JSONResponse(body, self.status, self.headers)


def not_found(what: str) -> Refusal:
    """Return the refusal for something that is not there, or not for this caller."""
    return Refusal(404, "Not found", what)


def stranger() -> Refusal:
    """Return the refusal for somebody who may not come in."""
    return Refusal(401, "Unauthenticated", "Send a valid token: `Authorization: Bearer TOKEN`.")


def invalid(detail: str, fields: list[JSON] | None = None) -> Refusal:
    """Return the refusal for a request that does not fit."""
    return Refusal(422, "Input validation failed", detail, fields=fields)


def unfit(detail: JSON) -> Refusal:
    """Return the refusal for inputs of which an app says what is wrong with them."""
    problems = problems_of(detail)[:100]
    if not problems:
        return invalid(str(detail)[:2000])
    fields: list[JSON] = [
        {"type": each.type, "field": _field(each.loc), "description": each.message[:500]}
        for each in problems
    ]
    return invalid("".join(f"- {f['field']}: {f['description']}\n" for f in fields), fields)


def _field(loc: tuple[str | int, ...]) -> str:
    return ".".join(map(str, loc if loc[:1] == ("input",) else ("input", *loc)))
