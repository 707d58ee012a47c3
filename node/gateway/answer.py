"""Chats and completions over ASGI: streamed as server-sent events or collected into one body.

Each choice runs in a task of its own that opens and closes the market's stream, because such a stream may not be
handed from task to task; a single choice runs in the one task that the server gave the request. A child task watches
for the client to leave and cancels: the server's own `is_disconnected` never fires on trio. Until the first token is
there the status code is still free, so a refusal becomes a proper HTTP error.
"""

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import msgspec
import trio
from starlette.types import Receive, Scope, Send

from node.gateway.forms import Choice, Form
from node.gateway.limits import QUEUED_PIECES_MAX, WAITING_TOLD_S
from node.gateway.problems import Problem, problem_of
from node.gateway.wire import SSE, Headers, cancel_on_disconnect, event, send_json, send_problem
from node.market.errors import CallBroken
from node.market.routes import Piece
from node.primitives.errors import NodeError
from node.subnets.doors import Comment

Ask = Callable[[], AsyncGenerator[Piece, None]]
Settle = Callable[[Sequence[Piece | None]], None]
Pieces = AsyncGenerator[tuple[int, Piece], None]
_DONE = b"data: [DONE]\n\n"


class Answer:
    """An ASGI application that serves one request for one or more choices."""

    def __init__(
        self,
        asks: Sequence[Ask],
        form: Form,
        *,
        stream: bool,
        usage: bool,
        settle: Settle,
        waiting: Callable[[], str] = lambda: "waiting",
    ) -> None:
        """`waiting` says what a stream waits for that has not begun, in a word."""
        self._asks = asks
        self._form = form
        self._stream = stream
        self._usage = usage
        self._settle = settle
        self._waiting = waiting
        self._choices = [Choice() for _ in asks]
        self.ok = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the answer; returns early when the client leaves."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(cancel_on_disconnect, receive, nursery.cancel_scope)
                async with all_pieces(self._asks) as pieces:
                    if self._stream:
                        head = StreamHead(send, self._form.headers(SSE))
                        nursery.start_soon(head.tell_waiting, self._waiting)
                        await self._send_stream(pieces, head, send)
                    else:
                        await self._send_whole(pieces, send)
                nursery.cancel_scope.cancel()
        finally:
            self._settle([choice.last for choice in self._choices])

    async def _send_whole(self, pieces: Pieces, send: Send) -> None:
        problem = await self._collect(pieces)
        if problem is not None:
            return await send_problem(problem, self._form.request_id, send)
        self.ok = True
        await send_json(self._form.whole(self._choices), self._form.request_id, send)

    async def _collect(self, pieces: Pieces) -> Problem | None:
        try:
            async for index, piece in pieces:
                self._choices[index].take(piece)
            self._check()
        except NodeError as error:
            return problem_of(error, now_ms())
        return None

    def _check(self) -> None:
        """Raise CallBroken when an answer lacks its end, or what was asked for."""
        if not all(choice.done for choice in self._choices):
            raise CallBroken("The answer ended before it was complete.")
        self._form.check(self._choices)

    async def _send_stream(self, pieces: Pieces, head: "StreamHead", send: Send) -> None:
        first, form = True, self._form
        try:
            async for index, piece in pieces:
                opening = b""
                if first:
                    await head.begin()
                    opening = b"".join(_events(form.opening(opened)) for opened in range(len(self._choices)))
                    first = False
                data = opening + self._piece(index, piece)
                await send({"type": "http.response.body", "body": data, "more_body": True})
            self._check()
            last = _events([form.usage(self._choices)] if self._usage else [])
            self.ok = True
        except NodeError as error:
            problem = problem_of(error, now_ms())
            if not await head.end():
                return await send_problem(problem, form.request_id, send)
            last = _events([problem.body()])
        await send({"type": "http.response.body", "body": last + _DONE, "more_body": False})

    def _piece(self, index: int, piece: Piece) -> bytes:
        """The events of one piece, which leave together: each way to the socket costs as much as making them."""
        self._choices[index].take(piece)
        if isinstance(piece.reply, Comment):
            return f": {' '.join(piece.reply.text.split())}\n\n".encode()
        return _events(self._form.chunks(index, piece))


class StreamHead:
    """The status and headers of a stream, sent once: before the first piece, or before a comment that none is there.

    Until then a failure can still be a proper HTTP error.
    """

    def __init__(self, send: Send, headers: Headers) -> None:
        self._send = send
        self._headers = headers
        self._is_sent = self._has_pieces = False
        self._sending = trio.Lock()

    async def begin(self) -> None:
        """The first piece is here: send the head, and no comment any more."""
        async with self._sending:
            self._has_pieces = True
            await self._send_head()

    async def end(self) -> bool:
        """There will be no first piece; whether the head is sent."""
        async with self._sending:
            self._has_pieces = True
            return self._is_sent

    async def tell_waiting(self, word: Callable[[], str]) -> None:
        """Comment again and again until the first piece is here; cancel it when the answer ends."""
        began_s = trio.current_time()
        while not self._has_pieces:
            await trio.sleep(WAITING_TOLD_S)
            async with self._sending:
                if self._has_pieces:
                    return
                await self._send_head()
                text = f": {word()}, {trio.current_time() - began_s:.0f} s\n\n"
                await self._send({"type": "http.response.body", "body": text.encode(), "more_body": True})

    async def _send_head(self) -> None:
        if not self._is_sent:
            self._is_sent = True
            await self._send({"type": "http.response.start", "status": 200, "headers": self._headers})


def _events(bodies: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(event(msgspec.json.encode(body)) for body in bodies)


@asynccontextmanager
async def all_pieces(asks: Sequence[Ask]) -> AsyncGenerator[Pieces, None]:
    """The pieces of all choices as they come, with the index of their choice; leaving the block stops all."""
    if len(asks) == 1:
        async with aclosing(asks[0]()) as pieces:
            yield _numbered(pieces)
        return
    async with trio.open_nursery() as nursery:
        sender, receiver = trio.open_memory_channel[tuple[int, Piece] | NodeError](QUEUED_PIECES_MAX)
        async with sender:
            for index, ask in enumerate(asks):
                nursery.start_soon(_feed, index, ask, sender.clone())
        yield _merged(receiver)
        nursery.cancel_scope.cancel()


async def _feed(index: int, ask: Ask, sender: trio.MemorySendChannel[tuple[int, Piece] | NodeError]) -> None:
    async with sender:
        try:
            async with aclosing(ask()) as pieces:
                async for piece in pieces:
                    await sender.send((index, piece))
        except NodeError as error:
            await sender.send(error)


async def _merged(receiver: trio.MemoryReceiveChannel[tuple[int, Piece] | NodeError]) -> Pieces:
    async for item in receiver:
        if isinstance(item, NodeError):
            raise item
        yield item


async def _numbered(pieces: AsyncGenerator[Piece, None]) -> Pieces:
    async for piece in pieces:
        yield 0, piece


def now_ms() -> int:
    """Unix time."""
    return time.time_ns() // 1_000_000
