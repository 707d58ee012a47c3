"""One connection to a daemon, on asyncio: many calls at once, each waiting for its own answer.

The reader never waits for whoever consumes a stream, so that one slow consumer cannot hold up the others' answers.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar, cast

from node.control.errors import ConnectionLost, NotRunning, ProtocolError, RemoteError, RequestTimeout
from node.control.limits import ANSWER_BYTES_MAX, CALL_TIMEOUT_S, CALLS_AT_ONCE, CONNECT_TIMEOUT_S, PARTS_HELD_MAX
from node.control.protocol import (
    Answer,
    Failure,
    LineBuffer,
    Part,
    decode_result,
    encode_call,
    encode_cancel,
    parse_answer,
)
from node.control.requests import Request, StreamRequest

R = TypeVar("R")
_RECEIVE_BYTES: Final = 64 * 1024
_LOST: Final = "The daemon closed the connection."


class Connection:
    """An open connection; made by `open_connection`, useless once `lost` is set."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._queues: dict[int, asyncio.Queue[Answer | Failure | Part | None]] = {}
        self._next_id = 1
        self._reading = asyncio.create_task(self._read())
        self._slots = asyncio.Semaphore(CALLS_AT_ONCE)  # the daemon refuses what is beyond its bound
        self.lost = asyncio.Event()
        self.heard_at_s = time.monotonic()

    async def call(self, request: Request[R], timeout_s: float = CALL_TIMEOUT_S) -> R:
        """Return the daemon's answer.

        Raises:
            RemoteError: it refused. ConnectionLost, RequestTimeout, ProtocolError: there is no answer.
        """
        async with self._slots:
            call_id, queue = self._send(request)
            try:
                async with asyncio.timeout(timeout_s):
                    item = await queue.get()
            except TimeoutError:
                raise RequestTimeout(f"The daemon did not answer within {timeout_s:g} s.") from None
            finally:
                self._queues.pop(call_id, None)
        match item:
            case Answer(result=result):
                return cast(R, decode_result(request, result))
            case Failure(error=view):
                raise RemoteError(view)
            case Part():
                raise ProtocolError("The daemon sent a part where a whole answer was due.")
            case None:
                raise ConnectionLost(_LOST)

    async def stream(self, request: StreamRequest[R]) -> AsyncGenerator[R, None]:
        """Yield the parts of a streaming call; leaving early tells the daemon to stop. Raises as `call` does."""
        call_id, queue = self._send(request)
        ended = False
        try:
            while True:
                item = await queue.get()
                match item:
                    case Part(part=part):
                        yield cast(R, decode_result(request, part))
                    case Answer():
                        ended = True
                        return
                    case Failure(error=view):
                        ended = True
                        raise RemoteError(view)
                    case None:
                        ended = True
                        raise ConnectionLost(_LOST)
        finally:
            self._queues.pop(call_id, None)
            if not ended and not self.lost.is_set():
                self._writer.write(encode_cancel(call_id))

    async def aclose(self) -> None:
        """Hang up; whoever still waits gets ConnectionLost."""
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    def _send(
        self, request: Request[R] | StreamRequest[R]
    ) -> tuple[int, "asyncio.Queue[Answer | Failure | Part | None]"]:
        if self.lost.is_set():
            raise ConnectionLost(_LOST)
        call_id = self._next_id
        self._next_id += 1
        queue: asyncio.Queue[Answer | Failure | Part | None] = asyncio.Queue()
        self._queues[call_id] = queue
        self._writer.write(encode_call(call_id, request))
        return call_id, queue

    async def _read(self) -> None:
        lines = LineBuffer(ANSWER_BYTES_MAX)
        try:
            while data := await self._reader.read(_RECEIVE_BYTES):
                self.heard_at_s = time.monotonic()
                for line in lines.feed(data):
                    if line is None:
                        raise ProtocolError(f"The daemon sent a line of more than {ANSWER_BYTES_MAX} bytes.")
                    self._hand_out(parse_answer(line))
        except (OSError, ProtocolError):
            self._writer.close()  # a daemon that speaks nonsense is as good as gone
        finally:
            self.lost.set()
            for queue in self._queues.values():
                queue.put_nowait(None)

    def _hand_out(self, item: Answer | Failure | Part) -> None:
        if not isinstance(item.id, int):
            return  # a refusal of a line that we never sent
        queue = self._queues.get(item.id)
        if queue is None:
            return  # the tail of a stream that was left early
        queue.put_nowait(item)
        if queue.qsize() > PARTS_HELD_MAX:
            del self._queues[item.id]
            self._writer.write(encode_cancel(item.id))
            queue.put_nowait(None)


async def open_connection(path: Path) -> Connection:
    """Return a connection to the daemon that listens at `path`.

    Raises:
        NotRunning: nobody listens there.
    """
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            reader, writer = await asyncio.open_unix_connection(path, limit=_RECEIVE_BYTES)
    except TimeoutError:
        raise RequestTimeout("The daemon does not accept connections.") from None
    except OSError as error:
        raise NotRunning("No node is running for this home.") from error
    return Connection(reader, writer)
