"""The routes of the gateway and what every request must satisfy before it reaches one.

Loopback is no wall against a web page in the user's own browser, so the host header must name this machine and bodies
must be declared as JSON: both keep other sites' scripts out without any CORS rule.
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import trio
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from node.gateway.answer import Answer
from node.gateway.exposition import CONTENT_TYPE, Family, exposition
from node.gateway.limits import ANSWERS_AT_ONCE_MAX, BODY_TIMEOUT_S
from node.gateway.openai import error_body, parse_chat, to_market
from node.gateway.problems import problem_of
from node.gateway.traffic import Traffic
from node.market.chat import ModelInfo
from node.market.frontdoor import FrontDoor
from node.primitives.errors import NodeError
from node.primitives.limits import HTTP_BODY_BYTES_MAX

Metrics = Callable[[], Sequence[Family]]
Handler = Callable[[Request], Awaitable[Response]]
_OWN_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
_REQUEST_ID_CHARS_MAX = 64


class Json(Response):
    """A JSON body."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)


class Gateway:
    """Answers HTTP with what the front door offers."""

    def __init__(
        self, door: FrontDoor, *, answers_at_once: int = ANSWERS_AT_ONCE_MAX, metrics: Metrics = lambda: ()
    ) -> None:
        self._door = door
        self._metrics_of_node = metrics
        self._free = trio.CapacityLimiter(answers_at_once)
        routes = Starlette(
            routes=[
                Route("/metrics", self._metrics, methods=["GET"]),
                Route("/v1/models", self._models, methods=["GET"]),
                Route("/v1/models/{name}", self._model, methods=["GET"]),
                Route("/v1/health", self._health, methods=["GET"]),
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
            ],
            exception_handlers={404: _not_found, 405: _not_found, NodeError: _node_error, Exception: _defect},
        )
        self.app = Traffic(routes, (each.path for each in routes.routes if isinstance(each, Route)))

    async def _metrics(self, request: Request) -> Response:
        refused = _foreign_host(request)
        if refused is not None:
            return refused
        families = (*self._metrics_of_node(), *self.app.families())
        return Response(exposition(families), media_type=CONTENT_TYPE)

    async def _health(self, request: Request) -> Response:
        return Json({"status": "ok"})

    async def _models(self, request: Request) -> Response:
        return Json({"object": "list", "data": [_model(model) for model in self._door.models()]})

    async def _model(self, request: Request) -> Response:
        name = request.path_params["name"]
        for model in self._door.models():
            if model.name == name:
                return Json(_model(model))
        message = f"The model {name[:80]!r} is not served here; GET /v1/models lists those that are."
        return Json(error_body(message, "invalid_request_error", "market.unknown_model", "model"), 404)

    async def _chat(self, request: Request) -> Response:
        refused = _stranger(request)
        if refused is not None:
            return refused
        body = await _read_body(request)
        if body is None:
            return _too_large()
        chat = parse_chat(body)
        stream = bool(chat.stream)
        usage = chat.stream_options is not None and chat.stream_options.include_usage
        answer = Answer(self._door.ask, to_market(chat), _request_id(request), stream=stream, usage=usage)
        return _Limited(answer, self._free)


class _Limited(Response):
    """Runs an answer while it holds one of the free places; says 429 at once when there is none."""

    def __init__(self, answer: Answer, free: trio.CapacityLimiter) -> None:
        super().__init__()
        self._answer = answer
        self._free = free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._free.acquire_on_behalf_of_nowait(self)
        except trio.WouldBlock:
            limit = int(self._free.total_tokens)
            message = f"{limit} answers are being written already; try again in a moment."
            busy = Json(error_body(message, "rate_limit_error", "overloaded"), 429, {"retry-after": "1"})
            return await busy(scope, receive, send)
        try:
            await self._answer(scope, receive, send)
        finally:
            self._free.release_on_behalf_of(self)


def _foreign_host(request: Request) -> Response | None:
    host = request.headers.get("host", "").rsplit(":", 1)[0].lower()
    if host in _OWN_NAMES:
        return None
    message = "This gateway answers to 127.0.0.1 and localhost only."
    return Json(error_body(message, "invalid_request_error", "foreign_host", "host"), 403)


def _stranger(request: Request) -> Response | None:
    foreign = _foreign_host(request)
    if foreign is not None:
        return foreign
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        message = "Send the body with `Content-Type: application/json`."
        return Json(error_body(message, "invalid_request_error", "wrong_content_type", "content-type"), 415)
    return None


async def _read_body(request: Request) -> bytes | None:
    """Return the body, None when it is larger than allowed; never holds more than the allowed size."""
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > HTTP_BODY_BYTES_MAX:
        return None
    body = bytearray()
    with trio.fail_after(BODY_TIMEOUT_S):
        async for chunk in request.stream():
            body += chunk
            if len(body) > HTTP_BODY_BYTES_MAX:
                return None
    return bytes(body)


def _too_large() -> Response:
    message = f"The body is larger than {HTTP_BODY_BYTES_MAX} bytes."
    return Json(error_body(message, "invalid_request_error", "body_too_large", "body"), 413)


def _request_id(request: Request) -> str:
    given = request.headers.get("x-request-id", "")
    usable = 0 < len(given) <= _REQUEST_ID_CHARS_MAX and given.isascii() and given.isprintable()
    return given if usable else secrets.token_hex(12)


def _model(model: ModelInfo) -> dict[str, Any]:
    return {
        "id": model.name,
        "object": "model",
        "created": 0,
        "owned_by": f"subnet-{model.netuid}-{model.subnet}",
        "miners": model.miners,
    }


async def _not_found(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    message = f"There is no {request.method} {request.url.path[:200]} here."
    return Json(error_body(message, "invalid_request_error", "no_such_route"), status)


async def _node_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, NodeError):
        raise error
    problem = problem_of(error)
    return Json(error_body(problem.message, problem.kind, problem.code, problem.param), problem.status)


async def _defect(request: Request, error: Exception) -> Response:
    if isinstance(error, ClientDisconnect | trio.TooSlowError):
        return Json(error_body("The body did not arrive in time.", "invalid_request_error", "body_timeout"), 408)
    return Json(error_body("The gateway failed on this request; its log says why.", "server_error", "defect"), 500)
