"""The daemon's end of the control socket, on trio: it turns lines into calls of an `Api` and sends the answers back.

Clients cannot hurt it: lines, calls and clients are bounded, bad input is answered, and whoever does not read what it
asked for is cut off. The socket is the user's alone (0600) from the moment it can be reached.
"""

import os
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any, Protocol, cast

import msgspec
import trio

from node.control.api import Api, HelloRequest
from node.control.errors import BadRequest, OutOfScope, SocketUnusable, error_view
from node.control.limits import (
    CLIENTS_MAX,
    LINE_BYTES_MAX,
    OUTGOING_QUEUE_MAX,
    REQUESTS_PER_CLIENT_MAX,
    SEND_TIMEOUT_S,
)
from node.control.paths import create_home, socket_path_to_create, somebody_listens
from node.control.protocol import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    BadLine,
    Call,
    CallId,
    Cancel,
    LineBuffer,
    encode_answer,
    encode_failure,
    encode_part,
    parse_line,
    too_long_answer,
)
from node.control.schema import ErrorView
from node.control.scopes import Scope, allows
from node.primitives.errors import InvariantBroken

_SOCKET_MODE = 0o600
_RECEIVE_BYTES = 64 * 1024
_LISTEN_BACKLOG = 128  # a burst of commands; a full queue looks like no daemon at all


class Ready(Protocol):
    """What a nursery's `start` passes in, here told the path of the socket."""

    def started(self, value: Path) -> None: ...


class ControlServer:
    """Serves one `Api` to the clients of one home.

    `report` hears of defects: exceptions of the Api that are no expected failures. The client gets a short excuse.
    """

    def __init__(self, api: Api, report: Callable[[Exception], None]) -> None:
        self._api = api
        self._report = report
        self._counts: Counter[str] = Counter()
        self._clients = 0

    def counters(self) -> Mapping[str, int]:
        """What happened so far: clients, calls, bad_lines, refused, cut_off, turned_away, defects."""
        return dict(self._counts)

    async def run(self, home: Path, task_status: Ready = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; reports the socket's path once clients can connect.

        The caller holds the lock of `home`. Raises SocketUnusable, also when a daemon already answers there.
        """
        create_home(home)
        path = socket_path_to_create(home)
        bound = bind_private(path)
        identity = path.stat().st_ino
        try:
            async with trio.open_nursery() as nursery:
                listener = trio.SocketListener(trio.socket.from_stdlib_socket(bound))
                task_status.started(path)
                await trio.serve_listeners(self._serve, [listener], handler_nursery=nursery)
        finally:
            bound.close()
            with suppress(OSError):
                if path.stat().st_ino == identity:
                    path.unlink()

    async def _serve(self, stream: trio.SocketStream) -> None:
        self._counts["clients"] += 1
        if self._clients >= CLIENTS_MAX:
            self._counts["turned_away"] += 1
            await self._turn_away(stream)
            return
        self._clients += 1
        try:
            async with stream:
                await _Client(stream, self._api, self._report, self._counts).run()
        finally:
            self._clients -= 1

    async def _turn_away(self, stream: trio.SocketStream) -> None:
        excuse = ErrorView(BadRequest.code, f"This daemon has {CLIENTS_MAX} clients already.", "Close one of them.")
        with trio.move_on_after(SEND_TIMEOUT_S):
            async with stream:
                with suppress(trio.BrokenResourceError):
                    await stream.send_all(encode_failure(None, excuse))


class _Client:
    """One connection: a reader, a writer, and a task for each call under way."""

    def __init__(
        self, stream: trio.SocketStream, api: Api, report: Callable[[Exception], None], counts: Counter[str]
    ) -> None:
        self._stream = stream
        self._api = api
        self._report = report
        self._counts = counts
        self._calls: dict[CallId, trio.CancelScope] = {}
        self._streams: set[CallId] = set()
        self._scope: Scope = "operate"
        self._room = trio.Semaphore(2 * REQUESTS_PER_CLIENT_MAX)  # calls under way, and answers nobody has picked up
        self._send, self._outgoing = trio.open_memory_channel[bytes](OUTGOING_QUEUE_MAX)

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write, nursery.cancel_scope)
            await self._read(nursery)
            nursery.cancel_scope.cancel()  # the client has hung up: nobody waits for the rest

    async def _read(self, nursery: trio.Nursery) -> None:
        lines = LineBuffer(LINE_BYTES_MAX)
        while True:
            try:
                data = await self._stream.receive_some(_RECEIVE_BYTES)
            except trio.BrokenResourceError:
                return
            if not data:
                return
            for line in lines.feed(bytes(data)):
                await self._take(line, nursery)

    async def _take(self, line: bytes | None, nursery: trio.Nursery) -> None:
        if line is None:
            self._counts["bad_lines"] += 1
            await self._send.send(too_long_answer(LINE_BYTES_MAX))
            return
        try:
            message = parse_line(line)
        except BadLine as bad:
            self._counts["bad_lines"] += 1
            await self._send.send(bad.answer)
            return
        if isinstance(message, Cancel):
            if message.id in self._streams:
                self._calls[message.id].cancel()
            return
        refusal = self._refusal(message)
        if refusal is not None:
            self._counts["refused"] += 1
            await self._send.send(encode_failure(message.id, refusal, INVALID_REQUEST))
            return
        await self._room.acquire()
        self._calls[message.id] = trio.CancelScope()
        if message.method.streams:
            self._streams.add(message.id)  # now: its cancel may be the next line
        nursery.start_soon(self._answer, message, self._calls[message.id])

    def _refusal(self, call: Call) -> ErrorView | None:
        if call.id in self._calls:
            return ErrorView(BadRequest.code, f"The call id {call.id!r} is in use.")
        if len(self._calls) >= REQUESTS_PER_CLIENT_MAX:
            excuse = f"At most {REQUESTS_PER_CLIENT_MAX} calls may wait for their answers at once."
            return ErrorView(BadRequest.code, excuse)
        if isinstance(call.request, HelloRequest) and call.request.scope == "read":
            self._scope = "read"  # for good: a connection narrows itself and never widens
        if not allows(self._scope, call.method.name, call.request):
            return error_view(OutOfScope(f"This connection only reads; {call.method.name} would change something."))
        return None

    async def _answer(self, call: Call, scope: trio.CancelScope) -> None:
        self._counts["calls"] += 1
        answer = encode_answer(call.id, None)  # what a cancelled stream gets
        try:
            with scope:
                answer = await self._outcome(call)
        finally:
            del self._calls[call.id]
            self._streams.discard(call.id)
        await self._send.send(answer)
        self._room.release()

    async def _outcome(self, call: Call) -> bytes:
        arguments = msgspec.structs.asdict(call.request)
        if isinstance(call.request, HelloRequest):
            del arguments["scope"]  # which is the connection's, not the node's
        try:
            method = getattr(self._api, call.method.name)
            if not call.method.streams:
                return encode_answer(call.id, await method(**arguments))
            await self._stream_parts(call.id, method(**arguments))
            return encode_answer(call.id, None)
        except InvariantBroken:
            raise
        except Exception as error:  # whatever a method raises must not end the connection
            return self._failure(call.id, error)

    async def _stream_parts(self, call_id: CallId, parts: AsyncIterator[object]) -> None:
        async with aclosing(cast(Any, parts)) as closing:
            async for part in closing:
                await self._send.send(encode_part(call_id, part))

    def _failure(self, call_id: CallId, error: Exception) -> bytes:
        view = error_view(error)
        if view is not None:
            self._counts["refused"] += 1
            return encode_failure(call_id, view)
        self._counts["defects"] += 1
        self._report(error)
        excuse = ErrorView("internal_error", "The daemon failed to answer this.", "Its log has the details.")
        return encode_failure(call_id, excuse, INTERNAL_ERROR)

    async def _write(self, client: trio.CancelScope) -> None:
        async for line in self._outgoing:
            with trio.move_on_after(SEND_TIMEOUT_S) as patience:
                try:
                    await self._stream.send_all(line)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    break
            if patience.cancelled_caught:
                self._counts["cut_off"] += 1
                break
        client.cancel()


def bind_private(path: Path) -> socket.socket:
    """Return a listening socket at `path` that only this user can connect to; replaces a dead one.

    It is bound under another name, closed to others, and moved into place, so that there is no moment at which
    somebody else could connect.

    Raises:
        SocketUnusable: a daemon answers at `path`, or the socket cannot be created there.
    """
    if somebody_listens(path):
        raise SocketUnusable(f"A daemon already listens at {path}.", remedy="Stop it first: `neurond down`.")
    draft = path.with_name(f".{os.getpid()}.s")
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        draft.unlink(missing_ok=True)
        bound.bind(os.fspath(draft))
        draft.chmod(_SOCKET_MODE)
        bound.listen(_LISTEN_BACKLOG)
        bound.setblocking(False)
        draft.replace(path)
    except OSError as error:
        bound.close()
        reason = error.strerror or str(error)
        raise SocketUnusable(
            f"The control socket {path} cannot be created: {reason}.", remedy="Choose another --home."
        ) from error
    return bound
