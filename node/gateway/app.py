"""The gateway as one ASGI application: checks every request, finds its route, counts it, and answers every error.

The order is fixed: origin, key, route, limits of the key, scope, body, answer. Routes of subnets are looked up at each
request, because doors come and go with roles.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl

import trio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from node.gateway.account import Desk, KeyId, Ledger, NewKey, ReceiptDigest, UsageQuery
from node.gateway.again import Again
from node.gateway.answer import now_ms
from node.gateway.calls import FORM_PATHS, Context, Doors, form_call, route_call
from node.gateway.errors import BadHeader, Overloaded
from node.gateway.exposition import CONTENT_TYPE, Family, exposition
from node.gateway.generic import fill
from node.gateway.guard import Bodies, check_json, check_origin, check_version, idempotency_key, request_id
from node.gateway.keys import Caller, KeyBook
from node.gateway.limits import ANSWERS_AT_ONCE_MAX, USAGE_FLUSH_S
from node.gateway.listing import model_list, model_view, templates
from node.gateway.openapi import describe, page
from node.gateway.problems import Problem, problem_of
from node.gateway.traffic import ROUTE, Traffic
from node.gateway.wire import Json, problem_response
from node.market.errors import NotFound
from node.market.routes import Match, Piece, find_routes, methods_of
from node.primitives.errors import NodeError
from node.subnets.doors import Empty
from node.subnets.doors import Scope as KeyScope
from storage.errors import StorageError
from storage.keys import KeyStore, UseRow

Metrics = Callable[[], Sequence[Family]]
QUERY_BYTES_MAX: Final = 4096
log = logging.getLogger("neurond.gateway")


@dataclass(frozen=True, slots=True)
class _Own:
    """A route of the gateway's own: its answer, what is parsed for it, the scope it needs, and its success's status."""

    handler: Callable[[Caller, Any], Any]
    request: type[Any]
    scope: KeyScope = "read"
    status: int = 200


class Gateway:
    """Answers HTTP with what the doors offer. `store` holds keys and use; without it the gateway is always open."""

    def __init__(
        self,
        doors: Doors,
        *,
        store: KeyStore | None = None,
        ledger: Ledger | None = None,
        answers_at_once: int = ANSWERS_AT_ONCE_MAX,
        metrics: Metrics = lambda: (),
        clock_ms: Callable[[], int] = now_ms,
    ) -> None:
        self._doors = doors
        self._store = store
        self._metrics_of_node = metrics
        self._now_ms = clock_ms
        self._free = trio.CapacityLimiter(answers_at_once)
        self._keys = KeyBook(store, clock_ms)
        self._bodies = Bodies()
        self._again = Again(store, clock_ms)
        self._spent = trio.Event()
        desk = Desk(store, ledger, clock_ms, doors)
        self._own: dict[tuple[str, str], _Own] = {
            ("POST", "/v1/keys"): _Own(desk.make_key, NewKey, "admin", 201),
            ("GET", "/v1/keys"): _Own(desk.keys, Empty, "admin"),
            ("GET", "/v1/keys/{id}"): _Own(desk.key, KeyId, "admin"),
            ("DELETE", "/v1/keys/{id}"): _Own(desk.revoke, KeyId, "admin"),
            ("GET", "/v1/usage"): _Own(desk.usage, UsageQuery),
            ("GET", "/v1/balance"): _Own(desk.balance, Empty),
            ("GET", "/v1/templates"): _Own(templates, Empty),
            ("GET", "/v1/receipts/{digest}"): _Own(desk.receipt, ReceiptDigest),
            ("POST", "/v1/receipts/{digest}/report"): _Own(desk.report, ReceiptDigest, "invoke"),
        }
        self.app = Traffic(self._serve)

    # --- one request ------------------------------------------------------------------------------------------------

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await _lifespan(receive, send)
        if scope["type"] != "http":
            return None  # a web socket: the server closes it
        request = Request(scope, receive)
        chosen, started = request_id(request), False

        async def watched(message: Any) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._route(request, chosen, (scope, receive, watched))
        except (NodeError, StorageError) as error:
            problem = _problem(error, self._now_ms())
            if started:
                raise
            await problem_response(problem, chosen)(scope, receive, watched)
        except Exception:
            log.exception("the gateway failed on %s %s", scope["method"], scope.get(ROUTE, "an unknown route"))
            if started:
                raise
            message = "The gateway failed on this request; the node's log says why."
            await problem_response(Problem(500, "server_error", "defect", message), chosen)(scope, receive, watched)

    async def _route(self, request: Request, chosen: str, asked: tuple[Scope, Receive, Send]) -> None:
        check_origin(request)
        method, path = request.method, request.url.path
        opened = await self._public(method, path, asked[0])
        if opened is not None:
            opened.headers["x-request-id"] = chosen
            return await opened(*asked)
        caller = self._keys.caller(request.headers.get("authorization", ""), request.headers.get("x-api-key", ""))
        self._keys.begin(caller)
        counted = _Counted(self, caller)
        try:
            if (response := await self._own_answer(request, caller)) is not None:
                response.headers["x-request-id"] = chosen
                return await response(*asked)
            await self._called(request, caller, chosen, counted, asked)
        finally:
            counted.at_last()

    async def _public(self, method: str, path: str, scope: Scope) -> Response | None:
        """What needs no key: it tells nothing that costs or belongs to somebody."""
        if method != "GET":
            return None
        match path:
            case "/metrics":
                families = (*self._metrics_of_node(), *self.app.families())
                response = Response(exposition(families), media_type=CONTENT_TYPE)
            case "/v1/health":
                response = Json({"status": "ok"})
            case "/openapi.json":
                response = Json(describe(self._doors()))
            case "/docs":
                response = Response(page(self._doors()), media_type="text/html; charset=utf-8")
                response.headers["content-security-policy"] = "default-src 'none'; style-src 'unsafe-inline'"
            case _:
                return None
        scope[ROUTE] = path
        return response

    async def _own_answer(self, request: Request, caller: Caller) -> Response | None:
        """The answer of the gateway's own routes; None for those of subnets."""
        method, path = request.method, request.url.path
        if method == "GET" and (path == "/v1/models" or path.startswith("/v1/models/")):
            caller.need("read")
            name = path.removeprefix("/v1/models").removeprefix("/")
            request.scope[ROUTE] = "/v1/models/{id}" if name else "/v1/models"
            return Json(model_view(self._doors(), name) if name else model_list(self._doors()))
        parent, _, last = path.rpartition("/")
        places: tuple[tuple[str, dict[str, str]], ...] = (
            (path, {}),
            (f"{parent}/{{id}}", {"id": last}),
            (f"{parent}/{{digest}}", {"digest": last}),
            (f"{parent.rpartition('/')[0]}/{{digest}}/{last}", {"digest": parent.rpartition("/")[2]}),
        )
        for name, pieces in places:
            own = self._own.get((method, name))
            if own is not None:
                request.scope[ROUTE] = name
                caller.need(own.scope)
                body = b""
                if method == "POST" and not path.endswith("/report"):
                    check_json(request)
                    body = await self._bodies.read(request)
                    self._bodies.release(len(body))
                parsed = fill(own.request, pieces, _query(request), body)
                return Json(await own.handler(caller, parsed), own.status)
        return None

    async def _called(
        self, request: Request, caller: Caller, chosen: str, counted: "_Counted", asked: tuple[Scope, Receive, Send]
    ) -> None:
        """Have a subnet answer."""
        method, path, doors = request.method, request.url.path, self._doors()
        matches = find_routes(doors, method, path)
        form = method == "POST" and path in FORM_PATHS
        if not matches and not form:
            raise _no_route(doors, method, path)
        request.scope[ROUTE] = path if form else matches[0].route.path
        check_version(request)
        caller.need("invoke" if form else matches[0].route.scope)
        name = idempotency_key(request) if method != "GET" else ""
        context = Context(chosen, partial(self._keys.reserve, caller), counted.settle)
        try:
            self._free.acquire_on_behalf_of_nowait(counted)
        except trio.WouldBlock as error:
            limit = int(self._free.total_tokens)
            raise Overloaded(f"{limit} answers are being written already.") from error
        body = b""
        try:
            if method in ("POST", "PUT"):
                check_json(request)
                body = await self._bodies.read(request)
            build: Any = (
                partial(form_call, doors, path, body, context)
                if form
                else partial(route_call, _first(matches), _query(request), body, context)
            )
            described = f"{method} {path}?{request.url.query}\n".encode() + body
            await self._again.around(build, caller.id, name, described, asked)
        finally:
            self._bodies.release(len(body))
            self._free.release_on_behalf_of(counted)

    # --- books ------------------------------------------------------------------------------------------------------

    def count(self, caller: Caller, reserved_rao: int, use: UseRow) -> None:
        """Count what was used; money is written down at once, the rest within a second."""
        self._keys.settle(caller, reserved_rao, use)
        if use.rao:
            self._spent.set()

    def today(self) -> int:
        """The day of UTC, counted from 1970."""
        return self._keys.today()

    async def keep_books(self) -> None:
        """Write what was used to the store, again and again; what is left then is for `close_books`."""
        swept_s = time.monotonic()
        while True:
            with trio.move_on_after(USAGE_FLUSH_S):
                await self._spent.wait()
            self._spent = trio.Event()
            await self._flush()
            if time.monotonic() - swept_s > 600:
                swept_s = time.monotonic()
                await self._again.drop_expired()

    async def close_books(self) -> None:
        """Write what is left once the last answer has ended."""
        await self._flush()

    async def _flush(self) -> None:
        rows = self._keys.take_pending()
        if not rows or self._store is None:
            return
        try:
            with trio.CancelScope(shield=True):  # what was taken is written, also by who is cancelled meanwhile
                await trio.to_thread.run_sync(self._store.add_use, rows, self._now_ms())
        except StorageError as error:
            log.error("what was used could not be written down: %s", error)
            self._keys.put_back(rows)


class _Counted:
    """Counts one request once, whatever becomes of it."""

    def __init__(self, gateway: Gateway, caller: Caller) -> None:
        self._gateway = gateway
        self._caller = caller
        self._done = False

    def settle(self, model: str, reserved_rao: int, pieces: Sequence[Piece | None], paid_rao: int) -> None:
        """Count the request with what its calls used and came to."""
        usages = [piece.usage for piece in pieces if piece is not None and piece.usage is not None]
        self._done = True
        self._gateway.count(
            self._caller,
            reserved_rao,
            UseRow(
                self._caller.id, self._gateway.today(), model, 1,
                sum(usage.prompt_tokens for usage in usages),
                sum(usage.completion_tokens for usage in usages),
                sum(usage.units for usage in usages),
                paid_rao,
            ),
        )  # fmt: skip

    def at_last(self) -> None:
        """Count a request that used nothing."""
        if not self._done:
            self.settle("", 0, (), 0)


def _first(matches: Sequence[Match]) -> Match:
    return matches[0]


def _query(request: Request) -> list[tuple[str, str]]:
    """The query's fields. Raises BadHeader for one that is too long or no UTF-8."""
    query = request.url.query
    if len(query) > QUERY_BYTES_MAX:
        raise BadHeader(f"A query has at most {QUERY_BYTES_MAX} bytes.", param="query", status=414)
    try:
        return parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict", max_num_fields=64)
    except (ValueError, UnicodeDecodeError) as error:
        raise BadHeader("The query cannot be read.", param="query") from error


def _no_route(doors: Sequence[Any], method: str, path: str) -> NodeError:
    allowed = methods_of(doors, path) + (["POST"] if path in FORM_PATHS else [])
    if allowed:
        return BadHeader(f"{path[:200]} takes {', '.join(allowed)}.", param="method", status=405)
    return NotFound(f"There is no {method} {path[:200]} here.", remedy="`GET /docs` shows what there is.")


def _problem(error: NodeError | StorageError, at_ms: int) -> Problem:
    if isinstance(error, NodeError):
        return problem_of(error, at_ms)
    log.error("the gateway's database failed: %s", error)
    return Problem(500, "server_error", error.code, str(error))


async def _lifespan(receive: Receive, send: Send) -> None:
    while (await receive())["type"] == "lifespan.startup":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
