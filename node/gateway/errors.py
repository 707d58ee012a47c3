"""What the gateway itself refuses, before anybody is asked.

GatewayError
├── KeyMissing       no key, or one that is unknown or revoked
├── KeyForbidden     a key that does not allow this
├── LimitReached     a limit of the key is used up; says which, and when it begins anew
├── Overloaded       too much at once
├── BadHeader        a header that breaks its form; `param` names it
├── BodyTooLarge     more bytes than one request may have
└── BodyTimeout      a body that did not arrive in time
"""

from typing import Literal

from node.primitives.errors import NodeError

LimitName = Literal["requests_per_minute", "requests_per_day", "rao_per_day"]


class GatewayError(NodeError):
    """A request that the gateway refuses."""

    code = "gateway_error"


class KeyMissing(GatewayError):
    """The request carries no API key, or one that this gateway does not know or that was revoked."""

    code = "invalid_api_key"
    remedy = "Send `Authorization: Bearer KEY`; `neurond keys new` makes a key."


class KeyForbidden(GatewayError):
    """The API key is valid and does not allow this."""

    code = "key_forbidden"
    remedy = "`neurond keys list` shows what each key allows; make one with the scope that the message names."


class LimitReached(GatewayError):
    """A limit of the API key is used up; `reset_at_ms` is Unix time, amounts are requests or rao."""

    code = "rate_limit_exceeded"
    remedy = "Wait until the limit begins anew, or raise it with `neurond keys limits`."

    def __init__(self, message: str, *, name: LimitName, limit: int, used: int, reset_at_ms: int) -> None:
        super().__init__(message)
        self.name = name
        self.limit = limit
        self.used = used
        self.reset_at_ms = reset_at_ms


class Overloaded(GatewayError):
    """The gateway works on as much as it can hold."""

    code = "overloaded"
    remedy = "Try again in a moment."


class BadHeader(GatewayError):
    """A header that is missing or breaks its form."""

    code = "bad_header"
    remedy = "Correct the header that the message names."

    def __init__(self, message: str, *, param: str, status: int = 400) -> None:
        super().__init__(message)
        self.param = param
        self.status = status


class BodyTooLarge(GatewayError):
    """The body has more bytes than one request may have."""

    code = "body_too_large"
    remedy = "Send less in one request."


class BodyTimeout(GatewayError):
    """The body did not arrive in time."""

    code = "body_timeout"
    remedy = "Send the request again over a better line."
