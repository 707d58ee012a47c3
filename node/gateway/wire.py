"""Small things that every response over ASGI needs: headers, bodies, events, and noticing that the client left."""

import secrets
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import trio
from starlette.responses import Response
from starlette.types import Receive, Send

from node.gateway.problems import Problem

Headers = list[tuple[bytes, bytes]]
JSON: Final[Headers] = [(b"content-type", b"application/json")]
SSE: Final[Headers] = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]


class Json(Response):
    """A JSON body."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)


def with_id(headers: Headers, request_id: str) -> Headers:
    """Headers with the request's id."""
    return [*headers, (b"x-request-id", request_id.encode("latin-1"))]


def event(data: bytes) -> bytes:
    """One server-sent event of one line of data."""
    return b"data: " + data + b"\n\n"


def problem_response(problem: Problem, request_id: str = "") -> Response:
    """A problem as a response of its own."""
    response = Response(msgspec.json.encode(problem.body()), problem.status)
    for name, value in with_id(problem.headers(), request_id or secrets.token_hex(12)):
        response.headers[name.decode()] = value.decode("latin-1")
    return response


async def send_problem(problem: Problem, request_id: str, send: Send) -> None:
    """Answer with a problem."""
    headers = with_id(problem.headers(), request_id)
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": msgspec.json.encode(problem.body())})


async def send_json(body: Any, request_id: str, send: Send, more: Mapping[bytes, bytes] | None = None) -> None:
    """Answer with a JSON body and status 200."""
    headers = [*with_id(JSON, request_id), *(more or {}).items()]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": msgspec.json.encode(body)})


async def cancel_on_disconnect(receive: Receive, scope: trio.CancelScope) -> None:
    """Wait until the client leaves, then cancel the scope."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            scope.cancel()
            return
