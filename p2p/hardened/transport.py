"""TCP that takes its port for itself, reads in large pieces and never asks the kernel for a size a peer invented.

Stock listens with SO_REUSEPORT, so that a second node on the same port is not refused but steals half of the
connections; it runs its accept loop as a trio system task, which outlives the host and whose failure is fatal.
"""

import errno
import os
import sys
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import replace

import trio
from libp2p.abc import IListener
from libp2p.io.abc import ReadWriteCloser
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.transport.exceptions import OpenConnectionError
from libp2p.transport.tcp.tcp import TCP
from multiaddr import Multiaddr

from p2p import limits
from p2p.addresses import TcpAddress, parse_address
from p2p.counters import Counters
from p2p.errors import ListenError

InboundHandler = Callable[["BufferedSocket"], Awaitable[None]]

_BACKLOG = 128
_FAMILIES = {"dns4": trio.socket.AF_INET, "dns6": trio.socket.AF_INET6}


class BufferedSocket(ReadWriteCloser):  # type: ignore[misc]  # libp2p is opaque to the type checker
    """One TCP connection; many small reads of the layers above cost one system call. Its bytes are counted."""

    def __init__(self, stream: trio.SocketStream, counters: Counters) -> None:
        self._stream = stream
        self._counters = counters
        self._ahead = memoryview(b"")
        self._remote = _remote_address(stream)
        _notice_silence(stream)

    async def read(self, n: int | None = None) -> bytes:
        """All of `n` bytes up to 64 KB, fewer beyond that or at the end; for None whatever is there.

        The library gives a message up that does not arrive within a hundred reads, as on a line of small packets.
        A cancelled read loses nothing.
        """
        if n == 0:
            return b""
        wanted = 1 if n is None else min(n, limits.READ_CHUNK_BYTES)
        while len(self._ahead) < wanted:
            try:
                piece = await self._stream.receive_some(limits.READ_CHUNK_BYTES)
            except trio.ClosedResourceError:
                break
            except trio.BrokenResourceError as error:
                raise ConnectionClosedError(f"the connection broke: {error}", transport="tcp") from error
            if not piece:
                break
            self._counters.add("bytes.in", len(piece))
            self._ahead = memoryview(b"".join((self._ahead, piece)) if self._ahead else piece)
        taken = self._ahead[:n]
        self._ahead = self._ahead[len(taken) :]
        return bytes(taken)

    async def write(self, data: bytes) -> None:
        """Write all of `data`."""
        try:
            await self._stream.send_all(data)
            self._counters.add("bytes.out", len(data))
        except (trio.ClosedResourceError, trio.BrokenResourceError) as error:
            raise ConnectionClosedError(f"the connection broke: {error}", transport="tcp") from error

    async def close(self) -> None:
        """Close the socket."""
        await self._stream.aclose()

    def get_remote_address(self) -> tuple[str, int] | None:
        """(host, port) of the other side."""
        return self._remote

    def share_port(self) -> tuple[str, int] | None:
        """(host, port) of our side, from which other connections may be made from now on; None when it is gone."""
        try:
            _let_share_port(self._stream.socket)
            host, port, *_ = self._stream.socket.getsockname()
        except OSError:
            return None
        return str(host), int(port)


class HardenedTcp(TCP):  # type: ignore[misc]  # libp2p is opaque to the type checker
    """Dials like the stock transport, without its SO_REUSEPORT listener.

    Names are resolved by the system: stock asks a name server itself, past the hosts file, and takes no answer for one.
    """

    def __init__(self, counters: Counters) -> None:
        super().__init__()
        self._counters = counters

    async def dial(self, maddr: Multiaddr) -> RawConnection:
        address = parse_address(str(maddr))
        try:
            return await connect_raw(await _resolved(address), address.port, self._counters)
        except OSError as error:
            raise OpenConnectionError(f"cannot connect to {maddr}: {error}") from error


async def connect_raw(host: str, port: int, counters: Counters) -> RawConnection:
    """A fresh TCP connection without any handshake. Raises OSError."""
    return RawConnection(BufferedSocket(await trio.open_tcp_stream(host, port), counters), True)


async def connect_from(source: tuple[str, int], host: str, port: int, counters: Counters) -> RawConnection:
    """Connect from a port that another connection of ours, not the node's listener, uses already.

    Keeps trying until cancelled: the other side of a hole punching refuses, or its router drops, what comes before it
    has begun itself. When both sides' attempts cross, they become one connection.
    """
    while True:
        socket = trio.socket.socket(_family(host), trio.socket.SOCK_STREAM)
        try:
            _let_share_port(socket)
            await socket.bind(source)
            await socket.connect((host, port))
            return RawConnection(BufferedSocket(trio.SocketStream(socket), counters), True)
        except OSError:
            socket.close()
            await trio.sleep(limits.PUNCH_AGAIN_S)
        except BaseException:
            socket.close()
            raise


async def accept_on(source: tuple[str, int], hosts: Collection[str], counters: Counters) -> RawConnection:
    """Wait on such a port for a connection of one of `hosts`: where no router stands in the way, theirs may come before
    ours begins. Raises OSError where the system does not let a port be shared like this."""
    with trio.socket.socket(_family(source[0]), trio.socket.SOCK_STREAM) as socket:
        _let_share_port(socket)
        await socket.bind(source)
        socket.listen(1)
        while True:
            accepted, (host, *_) = await socket.accept()
            if host in hosts:
                return RawConnection(BufferedSocket(trio.SocketStream(accepted), counters), False)
            accepted.close()


def _let_share_port(socket: trio.socket.SocketType) -> None:
    """Both users of a port have to agree, and the node's listener never does."""
    socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_REUSEADDR, 1)
    if sys.platform != "win32":
        socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_REUSEPORT, 1)


def _family(host: str) -> int:
    return trio.socket.AF_INET6 if ":" in host else trio.socket.AF_INET


async def _resolved(address: TcpAddress) -> str:
    """The host to connect to: for a name of one family its first address. Raises OSError."""
    family = _FAMILIES.get(address.kind)
    if family is None:
        return address.host  # an address, or a name whose addresses are all tried
    found = await trio.socket.getaddrinfo(address.host, address.port, family, trio.socket.SOCK_STREAM)
    return str(found[0][4][0])


class ExclusiveListener(IListener):  # type: ignore[misc]  # libp2p is opaque to the type checker
    """One bound TCP port, served in a nursery of the host."""

    def __init__(self, address: TcpAddress, sockets: list[trio.SocketListener]) -> None:
        self._listeners = sockets
        self.bound = replace(address, port=int(sockets[0].socket.getsockname()[1]), peer_id=None)
        """The bound address with its real port."""
        self._scope = trio.CancelScope()

    @classmethod
    async def bind(cls, address: TcpAddress) -> "ExclusiveListener":
        """Take the port. Raises ListenError that names the address and says what to do."""
        family = trio.socket.AF_INET6 if address.kind == "ip6" else trio.socket.AF_INET
        if not address.kind.startswith("ip"):
            raise ListenError(f"cannot listen on {address}: name an IP address of this machine, or /ip4/0.0.0.0")
        socket = trio.socket.socket(family, trio.socket.SOCK_STREAM)
        try:
            if sys.platform == "win32":
                socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_EXCLUSIVEADDRUSE, 1)
            else:
                socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_REUSEADDR, 1)
            if address.kind == "ip6":
                socket.setsockopt(trio.socket.IPPROTO_IPV6, trio.socket.IPV6_V6ONLY, 1)
            await socket.bind((address.host, address.port))
            socket.listen(_BACKLOG)
        except OSError as error:
            socket.close()
            raise ListenError(_listen_message(address, error)) from error
        return cls(address, [trio.SocketListener(socket)])

    async def serve(self, handler: InboundHandler, counters: Counters) -> None:
        """Accept connections until `close`; a failing connection touches no other."""

        async def accept(stream: trio.SocketStream) -> None:
            await handler(BufferedSocket(stream, counters))

        with self._scope:
            await trio.serve_listeners(accept, self._listeners)

    async def listen(self, maddr: Multiaddr) -> None:
        """Part of the stock interface; binding happens before this object exists."""

    def get_addrs(self) -> tuple[Multiaddr, ...]:
        """The bound address with its real port."""
        return (Multiaddr(str(self.bound)),)

    async def close(self) -> None:
        """Stop accepting and free the port."""
        self._scope.cancel()
        for listener in self._listeners:
            listener.socket.close()


def _listen_message(address: TcpAddress, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        advice = f"port {address.port} is taken; stop the other program or choose another port (0 picks a free one)"
    elif error.errno == errno.EADDRNOTAVAIL:
        advice = "this machine does not have that address; listen on /ip4/0.0.0.0 for all"
    elif error.errno in (errno.EACCES, errno.EPERM):
        advice = "no permission; choose a port above 1023"
    else:
        advice = os.strerror(error.errno) if error.errno else str(error)
    return f"cannot listen on {address}: {advice}"


def _notice_silence(stream: trio.SocketStream) -> None:
    """Have the system end the connection when the way to the other machine is cut, which no packet would tell us.

    Otherwise it repeats what was sent ever less often, for a quarter of an hour. What a system does not offer is left
    out; the probes of the layer above find such connections later.
    """
    wanted = (
        (trio.socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        (trio.socket.IPPROTO_TCP, "TCP_KEEPIDLE", limits.KEEPALIVE_S),
        (trio.socket.IPPROTO_TCP, "TCP_KEEPINTVL", limits.KEEPALIVE_S),
        (trio.socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", int(limits.SILENCE_MAX_S * 1000)),
    )
    for level, name, value in wanted:
        option = getattr(trio.socket, name, None)
        if option is not None:
            with suppress(OSError):
                stream.setsockopt(level, option, value)


def _remote_address(stream: trio.SocketStream) -> tuple[str, int] | None:
    try:
        host, port, *_ = stream.socket.getpeername()
    except OSError:
        return None
    return str(host), int(port)
