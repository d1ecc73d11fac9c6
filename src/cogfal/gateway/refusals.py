"""What the gateway answers instead of what was asked for, in the form of Replicate's problems."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse

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


def unfit(problems: JSON) -> Refusal:
    """Return the refusal for inputs of which an app says what is wrong with them."""
    if not isinstance(problems, list):
        return invalid(str(problems)[:2000])
    entries = [each for each in problems if isinstance(each, dict)][:100]
    fields: list[JSON] = [
        {
            "type": str(each.get("type", "")),
            "field": ".".join(str(part) for part in _place(each)),
            "description": str(each.get("msg", ""))[:500],
        }
        for each in entries
    ]
    return invalid("".join(f"- {f['field']}: {f['description']}\n" for f in fields), fields)


def _place(problem: Mapping[str, JSON]) -> list[JSON]:
    place = problem.get("loc")
    parts = [part for part in place if part != "body"] if isinstance(place, list) else []
    return parts if parts[:1] == ["input"] else ["input", *parts]
