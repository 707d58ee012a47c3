"""One stream of the multiplexer, whose writer waits for the very moment the reader grants credit.

Stock looks every 10 ms whether there is any, which holds a stream to 25 MB/s at its first window, and gives up after
5 s, which makes a slow reader the same as a dead one. It grants after every read, and twice what was read: a stream of
small frames costs as many frames back. The window itself is the library's: a peer notices nothing.
"""

import struct

import trio
from libp2p.stream_muxer.exceptions import MuxedStreamClosed, MuxedStreamReset
from libp2p.stream_muxer.yamux import yamux as stock

from p2p import limits

_HEADER = struct.Struct(stock.YAMUX_HEADER_FORMAT)
_PAYLOAD_BYTES = stock.MAX_MESSAGE_SIZE - stock.HEADER_SIZE


class HardenedYamuxStream(stock.YamuxStream):  # type: ignore[misc]  # libp2p is opaque to the type checker
    """A stream whose credit and end wake its writer."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        self._send_window = 0
        self._is_closed = False
        self._credit_changed: trio.Event | None = None
        super().__init__(*args, **kwargs)

    @property
    def send_window(self) -> int:
        """Bytes that may be sent now."""
        return self._send_window

    @send_window.setter
    def send_window(self, size: int) -> None:
        self._send_window = size
        self._wake_writer()

    @property
    def closed(self) -> bool:
        """Whether both directions have ended, in order or not."""
        return self._is_closed

    @closed.setter
    def closed(self, is_closed: bool) -> None:
        self._is_closed = is_closed
        self._wake_writer()

    async def write(self, data: bytes) -> None:
        """Write all of `data`, as credit comes. Raises MuxedStreamError when the stream ends or is not read any more.

        After a cancelled write part of `data` may have gone; the frames on the connection stay whole.
        """
        rest = memoryview(data)
        while rest:
            if self.closed or self.send_closed:
                raise MuxedStreamClosed("the stream is closed for sending")
            if self._send_window <= 0:
                await self._wait_for_credit()
                continue
            chunk = rest[: min(self._send_window, _PAYLOAD_BYTES)]
            rest = rest[len(chunk) :]
            self._send_window -= len(chunk)
            header = _HEADER.pack(0, stock.TYPE_DATA, 0, self.stream_id, len(chunk))
            await self.conn._write_frame(header + chunk)

    async def _auto_tune_and_send_window_update(self, *, bytes_read: int = 0) -> None:
        """Grant credit once half of the window was taken. Not to be cancelled: what was just read would be lost."""
        unread = len(self.conn.stream_buffers.get(self.stream_id, b""))
        if self.target_recv_window - self.recv_window - unread < self._grow_threshold():
            await trio.lowlevel.cancel_shielded_checkpoint()
            return
        granted = self._grow_to_delta(unread)
        await self.send_window_update(granted + self._apply_autotune_epoch(unread), skip_lock=True)

    async def _wait_for_credit(self) -> None:
        if self._credit_changed is None:
            self._credit_changed = trio.Event()
        with trio.move_on_after(limits.STREAM_STALL_S):
            await self._credit_changed.wait()
            return
        raise MuxedStreamReset(f"the reader has taken nothing for {limits.STREAM_STALL_S:g} s")

    def _wake_writer(self) -> None:
        waiting, self._credit_changed = self._credit_changed, None
        if waiting is not None:
            waiting.set()


def wait_for_credit() -> None:
    """Have the multiplexer make streams of this kind, for both directions."""
    stock.YamuxStream = HardenedYamuxStream
