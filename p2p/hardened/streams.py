"""One libp2p stream as our ByteStream: every failure is a StreamFailed, and a lost connection is not a clean end."""

from collections.abc import Awaitable, Callable

import trio
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.network.stream.net_stream import NetStream

from p2p import limits
from p2p.errors import StreamFailed

Spawn = Callable[[Callable[[], Awaitable[None]]], None]
"""Starts a task of the host that must not outlive it."""


class Libp2pStream:
    """A ByteStream over a stream of the library."""

    __slots__ = ("_closed", "_ended", "_net_stream", "_peer_id", "_spawn")

    def __init__(self, net_stream: NetStream, spawn: Spawn) -> None:
        self._net_stream = net_stream
        self._spawn = spawn
        self._peer_id = str(net_stream.muxed_conn.peer_id)
        self._ended = False
        self._closed = False

    @property
    def peer_id(self) -> str:
        return self._peer_id

    @property
    def connection(self) -> SwarmConn:
        """What carries it."""
        return self._net_stream.swarm_conn

    async def read(self, max_bytes: int) -> bytes:
        try:
            data: bytes = await self._net_stream.read(max_bytes)
        except StreamEOF as error:
            if self._was_cut():
                raise StreamFailed(f"the connection to {self._peer_id} was lost") from error
            self._ended = True
            return b""
        except Exception as error:
            raise StreamFailed(f"the stream of {self._peer_id} was reset") from error
        return data

    async def write(self, data: bytes) -> None:
        try:
            await self._net_stream.write(data)
        except Exception as error:
            raise StreamFailed(f"the stream to {self._peer_id} was closed, or the peer stopped reading") from error

    async def close_write(self) -> None:
        try:
            await self._net_stream.close_write()
        except Exception:
            await self.reset()

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self.close_write()
        if self._ended:
            await self._finish()
        else:
            self._spawn(self._linger)

    async def reset(self) -> None:
        self._closed = True
        with trio.CancelScope(shield=True):
            await self._net_stream.reset()  # swallows its own failures; only queues a frame

    def _was_cut(self) -> bool:
        """The library reports the loss of a connection as the end of its streams."""
        muxed_stream = self._net_stream.muxed_stream
        return bool(muxed_stream.reset_received or muxed_stream.conn.event_shutting_down.is_set())

    async def _linger(self) -> None:
        """Wait for the other side's end, so that neither side keeps a half-closed entry for ever."""
        with trio.move_on_after(limits.LINGER_S):
            try:
                while await self.read(limits.READ_CHUNK_BYTES):
                    pass
            except StreamFailed:
                return
            await self._finish()
            return
        await self.reset()

    async def _finish(self) -> None:
        try:
            await self._net_stream.close()
        except Exception:
            await self.reset()
