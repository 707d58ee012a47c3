"""What every request must satisfy before it reaches a route: its host, its origin, its form, its size.

Loopback is no wall against a web page in the user's own browser, so the host header must name this machine, pages of
other sites are refused, and bodies must be declared as JSON: no CORS rule ever lets another site's scripts in.
"""

import secrets
from typing import Final

import msgspec
import trio
from starlette.requests import ClientDisconnect, Request

from node.gateway.errors import BadHeader, BodyTimeout, BodyTooLarge, Overloaded
from node.gateway.limits import BODIES_BYTES_MAX, BODY_TIMEOUT_S, IDEMPOTENCY_KEY_CHARS_MAX, REQUEST_ID_CHARS_MAX
from node.market.errors import BadRequest
from node.primitives.limits import HTTP_BODY_BYTES_MAX, HTTP_JSON_DEPTH_MAX

_OWN_NAMES: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})


def check_origin(request: Request) -> None:
    """Refuse a request that a web page of another site, or another name of this machine, brought here."""
    host = request.headers.get("host", "").rsplit(":", 1)[0].lower()
    if host not in _OWN_NAMES:
        raise BadHeader("This gateway answers to 127.0.0.1 and localhost only.", param="host", status=403)
    if request.headers.get("sec-fetch-site", "none").lower() not in ("none", "same-origin"):
        raise BadHeader("Pages of other sites may not ask this gateway.", param="sec-fetch-site", status=403)


def check_version(request: Request) -> None:
    """Refuse HTTP/2 where answers are long: a client that reads no more looks like any other there, and is kept.

    On one machine nothing is gained by it, and no program of the OpenAI form speaks it without encryption.
    """
    if request.scope.get("http_version", "1.1").startswith("2"):
        raise BadHeader("Ask over HTTP/1.1; answers are not given over HTTP/2.", param="version", status=505)


def check_json(request: Request) -> None:
    """Refuse a body that is not declared as JSON in UTF-8."""
    kind, _, rest = request.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != "application/json":
        raise BadHeader("Send the body with `Content-Type: application/json`.", param="content-type", status=415)
    _, _, charset = rest.strip().lower().partition("charset=")
    if charset.strip('" ') not in ("", "utf-8", "utf8"):
        raise BadHeader("JSON is in UTF-8.", param="content-type", status=415)


def request_id(request: Request) -> str:
    """The caller's own id of the request when it is a short plain word, else a new one."""
    given = request.headers.get("x-request-id", "")
    return given if _is_word(given, REQUEST_ID_CHARS_MAX) else secrets.token_hex(12)


def idempotency_key(request: Request) -> str:
    """The caller's name for the request, "" without one. Raises BadHeader."""
    given = request.headers.get("idempotency-key", "")
    if given and not _is_word(given, IDEMPOTENCY_KEY_CHARS_MAX):
        raise BadHeader(
            f"An Idempotency-Key has 1 to {IDEMPOTENCY_KEY_CHARS_MAX} printable ASCII characters.",
            param="idempotency-key",
        )
    return given


class Bodies:
    """Reads bodies and knows how many bytes of them the gateway holds at the moment."""

    def __init__(self, bytes_max: int = BODIES_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._held = 0

    async def read(self, request: Request) -> bytes:
        """The body of a request; call `release` with its length when it is no longer needed.

        Raises:
            BodyTooLarge, BodyTimeout: it is too large, or dribbles in.
            Overloaded: all requests together hold too much.
        """
        declared = request.headers.get("content-length", "0")
        if declared.isdigit() and int(declared[:20]) > HTTP_BODY_BYTES_MAX:
            raise BodyTooLarge(f"The body is larger than {HTTP_BODY_BYTES_MAX} bytes.")
        body = bytearray()
        try:
            with trio.fail_after(BODY_TIMEOUT_S):
                async for chunk in request.stream():
                    body += chunk
                    self._held += len(chunk)
                    if len(body) > HTTP_BODY_BYTES_MAX:
                        raise BodyTooLarge(f"The body is larger than {HTTP_BODY_BYTES_MAX} bytes.")
                    if self._held > self._bytes_max:
                        raise Overloaded("The bodies of all running requests together are too large.")
        except (trio.TooSlowError, ClientDisconnect) as error:
            self.release(len(body))
            raise BodyTimeout("The body did not arrive in time.") from error
        except BaseException:
            self.release(len(body))
            raise
        return bytes(body)

    def release(self, size: int) -> None:
        """A body of so many bytes is done with."""
        self._held = max(self._held - size, 0)


def check_depth(value: object, depth_max: int = HTTP_JSON_DEPTH_MAX) -> None:
    """Refuse decoded JSON that is nested deeper than `depth_max`. Raises BadRequest."""
    if isinstance(value, dict):
        children: list[object] = list(value.values())
    elif isinstance(value, list):
        children = value
    else:
        return
    if depth_max == 0:
        raise BadRequest(f"The body is nested deeper than {HTTP_JSON_DEPTH_MAX} levels.", param="body")
    for child in children:
        if isinstance(child, dict | list):
            check_depth(child, depth_max - 1)


def decode_json(body: bytes) -> object:
    """Any JSON, checked for its depth. Raises BadRequest."""
    try:
        value: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The body is no valid JSON: {error}.", param="body") from error
    check_depth(value)
    return value


def explain(text: str) -> tuple[str, str]:
    """Turn the decoder's report into a sentence and the name of the field: `messages[0].role`."""
    what, _, where = text.partition(" - at `$")
    param = where.removesuffix("`").lstrip(".")
    if "unknown field" in what or "missing required field" in what:
        name = what.rsplit("`", 2)[-2]
        param = f"{param}.{name}" if param else name
        word = "is not a parameter here" if "unknown field" in what else "is required"
        return f"`{param}` {word}.", param
    return f"`{param or 'body'}`: {what[0].lower()}{what[1:]}.", param or "body"


def _is_word(text: str, chars_max: int) -> bool:
    return 0 < len(text) <= chars_max and text.isascii() and text.isprintable()
