"""From the node's errors to HTTP: one table, so that the same error looks the same on every path.

Status and type are those that clients of the OpenAI form turn into their exceptions; `code` is the node's own and is
explained by `neurond explain CODE`, save where the form has a word that programs look for.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field

from node.gateway import errors
from node.market import errors as market
from node.primitives.errors import NodeError
from node.subnets.wire import Code

_REQUEST, _SERVER, _RATE, _QUOTA = "invalid_request_error", "server_error", "rate_limit_error", "insufficient_quota"


@dataclass(frozen=True, slots=True)
class Problem:
    """What a client is told; `facts` stand beside message and code in the error object."""

    status: int
    kind: str
    code: str
    message: str
    param: str | None = None
    facts: Mapping[str, str | int] = field(default_factory=dict)
    retry_after_s: int | None = None

    def body(self) -> dict[str, object]:
        """The error envelope of the OpenAI form."""
        shown = {"message": self.message, "type": self.kind, "param": self.param, "code": self.code, **self.facts}
        return {"error": shown}

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that belong to it."""
        found = [(b"content-type", b"application/json")]
        if self.retry_after_s is not None:
            found.append((b"retry-after", b"%d" % self.retry_after_s))
        if self.status == 401:
            found.append((b"www-authenticate", b"Bearer"))
        return found


# (error, status, type, code where the form has its own word for it); the first that fits counts
_TABLE: tuple[tuple[type[NodeError], int, str, str], ...] = (
    (market.UnknownModel, 404, _REQUEST, "model_not_found"),
    (market.NotFound, 404, _REQUEST, ""),
    (market.Gone, 410, _REQUEST, ""),
    (market.Conflict, 409, _REQUEST, ""),
    (market.TooLarge, 413, _REQUEST, ""),
    (market.Unfit, 422, _REQUEST, ""),
    (market.BadRequest, 400, _REQUEST, ""),
    (market.MalformedMessage, 400, _REQUEST, ""),
    (market.InsufficientBudget, 429, _QUOTA, "insufficient_quota"),
    (market.SpendingLimit, 429, _QUOTA, "insufficient_quota"),
    (market.NoMiner, 503, _SERVER, ""),
    (market.Unreachable, 503, _SERVER, ""),
    (market.CallRefused, 503, _SERVER, ""),
    (market.CallTimeout, 504, _SERVER, ""),
    (market.CallBroken, 502, _SERVER, ""),
    (market.NoToolCall, 422, _REQUEST, ""),
    (errors.KeyMissing, 401, "authentication_error", ""),
    (errors.KeyForbidden, 403, "permission_error", ""),
    (errors.LimitReached, 429, _RATE, ""),
    (errors.Overloaded, 429, _RATE, ""),
    (errors.BodyTooLarge, 413, _REQUEST, ""),
    (errors.BodyTimeout, 408, _REQUEST, ""),
)


def problem_of(error: NodeError, now_ms: int = 0) -> Problem:
    """Return status and body of an error; what is not in the table is a 500."""
    message, param = _sentence(error), getattr(error, "param", "") or None
    if isinstance(error, errors.BadHeader):
        return Problem(error.status, _REQUEST, error.code, message, param)
    facts, retry_after_s = _facts(error, now_ms)
    for kind, status, name, word in _TABLE:
        if isinstance(error, kind):
            if isinstance(error, errors.LimitReached) and error.name == "rao_per_day":
                name, word = _QUOTA, "insufficient_quota"
            return Problem(status, name, word or error.code, message, param, facts, retry_after_s)
    return Problem(500, _SERVER, error.code, message)


def utc(at_ms: int) -> str:
    """A moment as clients read it: 2026-01-31T23:59:00Z."""
    return datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _facts(error: NodeError, now_ms: int) -> tuple[dict[str, str | int], int | None]:
    """What programs read beside the message, and the seconds after which to try again."""
    match error:
        case errors.LimitReached():
            facts: dict[str, str | int] = {
                "limit_name": error.name,
                **_window(error.limit, error.used, error.reset_at_ms),
            }
            return facts, _wait_s(error.reset_at_ms, now_ms)
        case market.SpendingLimit():
            facts = {
                "limit_name": "node_rao",
                "window_s": error.window_s,
                **_window(error.limit_rao, error.used_rao, error.reset_at_ms),
            }
            return facts, _wait_s(error.reset_at_ms, now_ms)
        case market.InsufficientBudget():
            return {
                "required_rao": error.required_rao,
                "available_rao": error.available_rao,
                "topup_address": error.topup_address,
            }, None
        case errors.Overloaded():
            return {}, 1
        case market.CallRefused():
            busy = error.refusal in (Code.RATE_LIMITED, Code.OVERLOADED)
            return {"refusal": error.refusal.name.lower()}, 1 if busy else None
        case _:
            return {}, None


def _window(limit: int, used: int, reset_at_ms: int) -> dict[str, str | int]:
    return {"limit": limit, "used": used, "remaining": max(limit - used, 0), "reset_at": utc(reset_at_ms)}


def _wait_s(reset_at_ms: int, now_ms: int) -> int:
    return max(1, -(-(reset_at_ms - now_ms) // 1000))


def _sentence(error: NodeError) -> str:
    tried = f" Tried: {'; '.join(error.tried)}." if isinstance(error, market.NoMiner) and error.tried else ""
    return f"{error}{tried}"
