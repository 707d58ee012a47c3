"""Routes that subnets declare: requests filled from path, query and body; answers that come whole or as events.

The request's fields are checked by its own type before anything of the subnet is called.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_origin

import msgspec
import trio
from starlette.types import Receive, Scope, Send

from node.gateway.answer import Ask, Pieces, Settle, StreamHead, all_pieces, now_ms
from node.gateway.forms import provenance
from node.gateway.guard import decode_json, explain
from node.gateway.problems import Problem, problem_of
from node.gateway.wire import JSON, SSE, Headers, cancel_on_disconnect, event, send_problem, with_id
from node.market.errors import BadRequest, CallBroken, MalformedMessage
from node.market.routes import Piece
from node.primitives.errors import NodeError
from node.subnets.doors import Comment, Raw

Build = Callable[[Sequence[Sequence[Any]]], Any]  # the replies of each call -> one body, or a Raw


def fill(kind: type[Any], pieces: Mapping[str, str], query: Sequence[tuple[str, str]], body: bytes) -> Any:
    """The request of a route: pieces of the path win over the query, and both over the body's object.

    Raises:
        BadRequest: what does not fit the type; `param` names it.
    """
    fields = {each.encode_name: each.type for each in msgspec.structs.fields(kind)}
    values: dict[str, Any] = {}
    if body:
        decoded = decode_json(body)
        if not isinstance(decoded, dict):
            raise BadRequest("The body is a JSON object.", param="body")
        values.update(decoded)
    texts: dict[str, list[str]] = {}
    for name, text in query:
        texts.setdefault(name, []).append(text)
    texts.update({name: [text] for name, text in pieces.items()})
    for name, given in texts.items():
        if name not in fields:
            raise BadRequest(f"`{name[:64]}` is not a parameter here.", param=name[:64])
        values[name] = _from_texts(name, given, fields[name])
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        message, param = explain(str(error))
        raise BadRequest(message, param=param) from error
    except MalformedMessage as error:
        raise BadRequest(error.message, param="body") from error


def _from_texts(name: str, texts: list[str], kind: Any) -> Any:
    """A value that came as text: numbers and truth values are read, lists may be given by repeating."""
    value: object = texts if get_origin(kind) in (tuple, list) or len(texts) > 1 else texts[0]
    try:
        return msgspec.to_builtins(msgspec.convert(value, kind, strict=False))
    except msgspec.ValidationError as error:
        message, _ = explain(str(error))
        _, _, rest = message.partition(": ")
        raise BadRequest(f"`{name}`: {rest}", param=name) from error


class Whole:
    """An ASGI application that makes one body of the replies of one or more calls."""

    def __init__(self, asks: Sequence[Ask], build: Build, request_id: str, settle: Settle) -> None:
        self._asks = asks
        self._build = build
        self._id = request_id
        self._settle = settle
        self._lasts: list[Piece | None] = [None] * len(asks)
        self.ok = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the answer; returns early when the client leaves."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(cancel_on_disconnect, receive, nursery.cancel_scope)
                await self._serve(send)
                nursery.cancel_scope.cancel()
        finally:
            self._settle(self._lasts)

    async def _serve(self, send: Send) -> None:
        async with all_pieces(self._asks) as pieces:
            body = await self._collect(pieces)
        if isinstance(body, Problem):
            return await send_problem(body, self._id, send)
        self.ok = True
        await send_body(body, self._id, send, _headers([last for last in self._lasts if last is not None]))

    async def _collect(self, pieces: Pieces) -> Any:
        """The body, or the Problem instead: an error that left the block of several calls would come out in a group."""
        replies: list[list[Any]] = [[] for _ in self._asks]
        try:
            async for index, piece in pieces:
                self._lasts[index] = piece
                if not isinstance(piece.reply, Comment):
                    replies[index].append(piece.reply)
            if not all(last is not None and last.done for last in self._lasts) or not all(replies):
                raise CallBroken("The answer ended before it was complete.")
            return self._build(replies)
        except NodeError as error:
            return problem_of(error, now_ms())


class Events:
    """An ASGI application that sends each reply of one call as a server-sent event."""

    def __init__(self, ask: Ask, request_id: str, settle: Settle) -> None:
        self._ask = ask
        self._id = request_id
        self._settle = settle
        self._last: Piece | None = None
        self.ok = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the answer; returns early when the client leaves."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(cancel_on_disconnect, receive, nursery.cancel_scope)
                async with all_pieces((self._ask,)) as pieces:
                    head = StreamHead(send, with_id(SSE, self._id))
                    nursery.start_soon(head.tell_waiting, lambda: "waiting")
                    await self._serve(pieces, head, send)
                nursery.cancel_scope.cancel()
        finally:
            self._settle((self._last,))

    async def _serve(self, pieces: Pieces, head: StreamHead, send: Send) -> None:
        try:
            async for _, piece in pieces:
                if self._last is None:
                    await head.begin()
                self._last = piece
                await _more(send, event_of(piece.reply))
            if self._last is None or not self._last.done:
                raise CallBroken("The answer ended before it was complete.")
            await _more(send, b"event: neurond\n" + event(msgspec.json.encode(provenance(self._last))))
            self.ok = True
        except NodeError as error:
            problem = problem_of(error, now_ms())
            if not await head.end():
                return await send_problem(problem, self._id, send)
            await _more(send, event(msgspec.json.encode(problem.body())))
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n", "more_body": False})


async def send_body(body: Any, request_id: str, send: Send, more: Headers) -> None:
    """Answer with what a route gave: bytes as they are, anything else as JSON."""
    if isinstance(body, Raw):
        headers = [(b"content-type", _header_text(body.media_type)), (b"x-content-type-options", b"nosniff")]
        if body.filename:
            safe = "".join(char for char in body.filename if char.isalnum() or char in "._-")[:100]
            headers.append((b"content-disposition", b'attachment; filename="%s"' % _header_text(safe)))
        status, data = body.status, body.body
    else:
        headers, status, data = list(JSON), 200, msgspec.json.encode(body)
    await send({"type": "http.response.start", "status": status, "headers": [*with_id(headers, request_id), *more]})
    await send({"type": "http.response.body", "body": data})


def event_of(reply: Any) -> bytes:
    """A reply as a server-sent event."""
    if isinstance(reply, Comment):
        return f": {' '.join(reply.text.split())}\n\n".encode()
    return event(msgspec.json.encode(reply))


def _headers(pieces: Sequence[Piece]) -> Headers:
    """Who answered and the receipt, where the body belongs to the subnet."""
    told = [provenance(piece) for piece in pieces]
    return [
        (b"x-neurond-miner", ",".join(each["miner"] for each in told).encode()),
        (b"x-neurond-receipt", ",".join(each["receipt"] or "" for each in told).encode()),
        (b"x-neurond-paid-rao", str(sum(each["paid_rao"] for each in told)).encode()),
    ]


async def _more(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


def _header_text(text: str) -> bytes:
    return "".join(char for char in text if char.isascii() and char.isprintable()).encode("ascii")
