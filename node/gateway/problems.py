"""From the node's errors to HTTP: one table, so that the same error looks the same on every path."""

from dataclasses import dataclass

from node.market.errors import BadRequest, CallBroken, CallRefused, CallTimeout, NoMiner, UnknownModel, Unreachable
from node.primitives.errors import NodeError


@dataclass(frozen=True, slots=True)
class Problem:
    """What a client is told."""

    status: int
    kind: str
    code: str
    message: str
    param: str | None = None


_STATUS: tuple[tuple[type[NodeError], int, str], ...] = (
    (UnknownModel, 404, "invalid_request_error"),
    (BadRequest, 400, "invalid_request_error"),
    (NoMiner, 503, "server_error"),
    (Unreachable, 503, "server_error"),
    (CallRefused, 503, "server_error"),
    (CallTimeout, 504, "server_error"),
    (CallBroken, 502, "server_error"),
)


def problem_of(error: NodeError) -> Problem:
    """Return status and body of an error; what is not in the table is a 500."""
    param = error.param or None if isinstance(error, BadRequest) else None
    for kind, status, name in _STATUS:
        if isinstance(error, kind):
            return Problem(status, name, error.code, _sentence(error), param)
    return Problem(500, "server_error", error.code, _sentence(error))


def _sentence(error: NodeError) -> str:
    tried = f" Tried: {'; '.join(error.tried)}." if isinstance(error, NoMiner) and error.tried else ""
    return f"{error}{tried}"
