"""The stream multiplexer with one writer per connection, bounded windows and a budget of unread bytes.

Stock yamux lets any caller write to the connection: a cancelled caller cuts a frame and every stream on the connection
dies; the reader itself writes replies and so two busy sides can deadlock; windows are announced but never enforced.
"""

import logging
from collections import deque
from collections.abc import Mapping

import trio
from libp2p.abc import ISecureConn, ISecureTransport
from libp2p.io.exceptions import ConnectionClosedError, IncompleteReadError
from libp2p.peer.id import ID
from libp2p.protocol_muxer.exceptions import MultiselectError
from libp2p.stream_muxer.yamux import yamux as stock
from libp2p.transport.exceptions import MuxerUpgradeFailure
from libp2p.transport.upgrader import TransportUpgrader

from p2p import limits
from p2p.hardened.yamux_stream import wait_for_credit

_log = logging.getLogger(__name__)

_NOISE_PLAINTEXT_BYTES = 65_519
"""Largest noise packet: 65535 bytes less a 16-byte tag; frames batched up to it are one packet, one system call."""


class HardenedYamux(stock.Yamux):  # type: ignore[misc]  # libp2p is opaque to the type checker
    """Yamux whose frames go through an outbox with a single writer."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._outbox: deque[bytes] = deque()
        self._outbox_bytes = 0
        self._outbox_filled = trio.Event()
        self._outbox_has_room = trio.Event()
        self._outbox_empty = trio.Event()
        self._outbox_broken = False

    async def start(self) -> None:
        """Run the connection until it ends; must not raise, since the caller is the host's own nursery."""
        if self.event_started.is_set():
            return
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write_outbox)
                await super().start()
                nursery.cancel_scope.cancel()
        except Exception as error:
            _log.debug("connection to %s failed: %r", self.peer_id, error)
            await self._cleanup_on_error()
        finally:
            self._break_outbox()
            self.event_started.set()  # whoever waits for the start must not wait for ever

    async def close(self, error_code: int = stock.GO_AWAY_NORMAL) -> None:
        """Flush what is queued, say goodbye, close."""
        if self._outbox_bytes and not self._outbox_broken and not self.event_closed.is_set():
            with trio.move_on_after(limits.CLOSE_S / 2):
                await self._outbox_empty.wait()
        await super().close(error_code)
        self._break_outbox()

    async def _write_frame(self, data: bytes) -> None:
        """Queue one frame. Data frames wait for room; control frames do not, so the reader never blocks on a write."""
        if data[1] == stock.TYPE_DATA:
            await trio.lowlevel.checkpoint()
            while self._outbox_bytes >= limits.OUTBOX_HIGH_BYTES and not self._outbox_broken:
                await self._outbox_has_room.wait()
        if self._outbox_broken or self.event_closed.is_set():
            raise ConnectionClosedError("the connection is closed")
        if self._outbox_bytes >= limits.OUTBOX_CONTROL_BYTES:
            await self._cut("the peer does not read")
        self._outbox.append(data)
        self._outbox_bytes += len(data)
        self._outbox_empty = trio.Event() if self._outbox_empty.is_set() else self._outbox_empty
        self._outbox_filled.set()
        if data[1] != stock.TYPE_DATA:  # the reader answers pings as they come: a flood of them must not hold up others
            await trio.lowlevel.cancel_shielded_checkpoint()

    async def _write_outbox(self) -> None:
        """The only task that writes to the connection: whole frames, as many at a time as fit one packet."""
        while True:
            if not self._outbox:
                self._outbox_empty.set()
                self._outbox_filled = trio.Event()
                await self._outbox_filled.wait()
            batch = [self._outbox.popleft()]
            size = len(batch[0])
            while self._outbox and size + len(self._outbox[0]) <= _NOISE_PLAINTEXT_BYTES:
                batch.append(self._outbox.popleft())
                size += len(batch[-1])
            try:
                await self.secured_conn.write(b"".join(batch))
            except Exception as error:
                _log.debug("write to %s failed: %r", self.peer_id, error)
                self._break_outbox()
                self.event_shutting_down.set()
                await self._close_transport()
                return
            self._outbox_bytes -= size
            if self._outbox_bytes < limits.OUTBOX_HIGH_BYTES:
                self._outbox_has_room.set()
                self._outbox_has_room = trio.Event()

    async def _read_data_body(self, length: int) -> bytes:
        """Read one data frame, unless the handlers of this connection are too far behind already."""
        unread = sum(map(len, self.stream_buffers.values()))
        if unread + length > limits.UNREAD_BUDGET_BYTES:
            # The stock reader closes the connection on this error, and on this error only.
            raise trio.TooSlowError(f"{unread} unread bytes")
        with trio.fail_after(limits.FRAME_BODY_S):
            body: bytes = await self.secured_conn.read(length)  # waits for all of it, so one read is enough
        if len(body) < length:
            raise IncompleteReadError("the connection ended inside a frame")
        return body

    async def _cut(self, reason: str) -> None:
        self._break_outbox()
        self.event_shutting_down.set()
        await self._close_transport()
        raise ConnectionClosedError(reason)

    async def _close_transport(self) -> None:
        try:
            await self.secured_conn.close()
        except Exception as error:
            _log.debug("closing the transport to %s failed: %r", self.peer_id, error)

    def _break_outbox(self) -> None:
        """Refuse all further frames and wake everybody who waits."""
        self._outbox_broken = True
        self._outbox.clear()
        self._outbox_bytes = 0
        self._outbox_has_room.set()
        self._outbox_empty.set()


class HardenedUpgrader(TransportUpgrader):  # type: ignore[misc]  # libp2p is opaque to the type checker
    """Ends a handshake with our multiplexer; stock makes its own, whatever class it was given for the protocol."""

    def __init__(self, security: Mapping[str, ISecureTransport]) -> None:
        super().__init__(security, {stock.PROTOCOL_ID: HardenedYamux}, negotiate_timeout=int(limits.UPGRADE_TIMEOUT_S))

    async def upgrade_connection(self, conn: ISecureConn, peer_id: ID) -> HardenedYamux:
        """Agree on yamux. Raises MuxerUpgradeFailure."""
        try:
            await self.muxer_multistream.select_transport(conn)
        except MultiselectError as error:
            raise MuxerUpgradeFailure("the peer does not speak yamux") from error
        return HardenedYamux(conn, peer_id, is_initiator=conn.is_initiator)


def limit_windows() -> None:
    """Cap the receive window of a stream; stock doubles it up to 16 MB with every small read."""
    stock.MAX_WINDOW_SIZE = limits.STREAM_WINDOW_MAX_BYTES


def batch_window_updates() -> None:
    """Grant credit in halves of a window instead of after every read (stock reads its environment on each read)."""
    stock._yamux_release_on_read = lambda: False
    stock._yamux_disable_hysteresis = lambda: False
    stock._yamux_batch_threshold_divisor = lambda: 2
    stock._perf_yamux_debug_enabled = lambda: False


limit_windows()
batch_window_updates()
wait_for_credit()
