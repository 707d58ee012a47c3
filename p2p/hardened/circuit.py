"""A stream through a relay, in the place of a TCP socket: the handshakes and everything above run on it unchanged.

So the relay carries noise ciphertext and nothing else. Must never be taken for a direct connection: `is_relayed` tells.
"""

from libp2p.connection_types import ConnectionType
from libp2p.io.abc import ReadWriteCloser
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.network.connection.swarm_connection import SwarmConn

from p2p import limits
from p2p.addresses import TcpAddress
from p2p.errors import StreamFailed
from p2p.framing import BufferedReader, ByteStream


class CircuitSocket(ReadWriteCloser):  # type: ignore[misc]  # libp2p is opaque to the type checker
    """One circuit, seen from one of its ends."""

    def __init__(self, stream: ByteStream, reader: BufferedReader, relay: TcpAddress | None) -> None:
        self._stream = stream
        self._reader = reader
        self.relay = relay
        """Where the relay is, as we see it."""

    async def read(self, n: int | None = None) -> bytes:
        """All of `n` bytes (whatever is there for None); b"" at the end.

        The library gives a message up that does not arrive within a hundred reads.
        """
        if n == 0:
            return b""
        try:
            if n is not None and n <= limits.READ_CHUNK_BYTES:
                return await self._reader.exactly(n)
            return await self._reader.some(limits.READ_CHUNK_BYTES)
        except StreamFailed as error:
            raise ConnectionClosedError(f"the circuit broke: {error}", transport="circuit") from error

    async def write(self, data: bytes) -> None:
        """Write all of `data`."""
        try:
            await self._stream.write(data)
        except StreamFailed as error:
            raise ConnectionClosedError(f"the circuit broke: {error}", transport="circuit") from error

    async def close(self) -> None:
        """End the circuit, both ways."""
        await self._stream.aclose()

    def get_remote_address(self) -> tuple[str, int] | None:
        """Nothing: the other side has no endpoint that we see."""
        return None


def relayed_raw(
    stream: ByteStream, reader: BufferedReader, relay: TcpAddress | None, *, is_initiator: bool
) -> RawConnection:
    """A circuit as the library's raw connection, ready for its handshakes."""
    return RawConnection(CircuitSocket(stream, reader, relay), is_initiator, ConnectionType.RELAYED)


def is_relayed(connection: SwarmConn) -> bool:
    """Whether a connection goes through a relay."""
    return bool(connection.muxed_conn.get_connection_type() is ConnectionType.RELAYED)


def relay_of(connection: SwarmConn) -> TcpAddress | None:
    """Where the relay of a connection is; None for a direct one."""
    socket = socket_of(connection)
    return socket.relay if isinstance(socket, CircuitSocket) else None


def socket_of(connection: SwarmConn) -> object:
    """What carries a connection at the bottom: beneath the multiplexer, the session, its packets and the raw layer."""
    return connection.muxed_conn.secured_conn.conn.conn.stream
