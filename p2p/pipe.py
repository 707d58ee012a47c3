"""A two-way byte stream in memory with the manners of a libp2p stream: bounded, half-closable, resettable."""

from collections.abc import Callable

import trio

from p2p import limits
from p2p.errors import StreamFailed


class _Lane:
    """One direction: bytes written and not yet read."""

    __slots__ = ("_changed", "buffer", "ended", "failed")

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.ended = False
        self.failed = False
        self._changed = trio.Event()

    def notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def wait(self) -> None:
        await self._changed.wait()


class PipeEnd:
    """One end of a pipe; `peer_id` names the other side."""

    __slots__ = ("_inbound", "_on_close", "_outbound", "_peer_id")

    def __init__(self, peer_id: str, inbound: _Lane, outbound: _Lane) -> None:
        self._peer_id = peer_id
        self._inbound = inbound
        self._outbound = outbound
        self._on_close: Callable[[PipeEnd], None] | None = None

    @property
    def peer_id(self) -> str:
        return self._peer_id

    def on_close(self, callback: "Callable[[PipeEnd], None]") -> None:
        """Have `callback` called once when this end is closed or reset."""
        self._on_close = callback

    async def read(self, max_bytes: int) -> bytes:
        await trio.lowlevel.checkpoint()
        lane = self._inbound
        while not lane.buffer and not lane.ended and not lane.failed:
            await lane.wait()
        if lane.failed:
            raise StreamFailed(f"the stream of {self._peer_id} was reset")
        taken = bytes(memoryview(lane.buffer)[:max_bytes])
        del lane.buffer[: len(taken)]
        lane.notify()
        return taken

    async def write(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        lane = self._outbound
        rest = memoryview(data)
        while True:
            if lane.failed or lane.ended:
                raise StreamFailed(f"the stream to {self._peer_id} was closed")
            room = limits.STREAM_WINDOW_MAX_BYTES - len(lane.buffer)
            lane.buffer += rest[:room]
            rest = rest[room:]
            lane.notify()
            if not rest:
                return
            await lane.wait()

    async def close_write(self) -> None:
        await trio.lowlevel.cancel_shielded_checkpoint()
        self._outbound.ended = True
        self._outbound.notify()

    async def aclose(self) -> None:
        await self.close_write()
        self._closed()

    async def reset(self) -> None:
        await trio.lowlevel.cancel_shielded_checkpoint()
        self.fail()

    def fail(self) -> None:
        """Abort both directions at once."""
        for lane in (self._inbound, self._outbound):
            lane.failed = True
            lane.buffer.clear()
            lane.notify()
        self._closed()

    def _closed(self) -> None:
        callback, self._on_close = self._on_close, None
        if callback is not None:
            callback(self)


def open_pipe(first_peer_id: str, second_peer_id: str) -> tuple[PipeEnd, PipeEnd]:
    """Two connected ends: the first belongs to `first_peer_id` and so names the second, and the other way round."""
    there, back = _Lane(), _Lane()
    return PipeEnd(second_peer_id, back, there), PipeEnd(first_peer_id, there, back)
