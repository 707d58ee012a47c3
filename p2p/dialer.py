"""The redial loop: nobody else keeps a node connected.

Dials due candidates in parallel until the target is reached, backs off with jitter, and is woken by whatever changes
the picture (a new candidate, a lost peer). Must never dial a peer that is connected, banned or being dialled.
"""

from collections.abc import Awaitable, Callable, Collection

import trio

from p2p import limits
from p2p.addresses import TcpAddress
from p2p.doorsteps import Doorsteps
from p2p.errors import P2PError
from p2p.peerbook import PeerBook

Connect = Callable[[TcpAddress, float], Awaitable[None]]
"""(address, timeout in seconds); raises P2PError."""


class Dialer:
    """Keeps `target_peers` connections alive."""

    def __init__(
        self,
        book: PeerBook,
        connect: Connect,
        connected: Callable[[], Collection[str]],
        is_banned: Callable[[str], bool],
        target_peers: int,
    ) -> None:
        self._book = book
        self._connect = connect
        self._connected = connected
        self._is_banned = is_banned
        self._target_peers = target_peers
        self.doorsteps = Doorsteps()
        """Shared with whoever else dials on hearsay."""
        self._dialling: set[str] = set()
        self._woken = trio.Event()

    def wake(self) -> None:
        """Look again now."""
        self._woken.set()

    async def run(self) -> None:
        """Dial for ever."""
        async with trio.open_nursery() as nursery:
            while True:
                self._woken = trio.Event()
                for peer_id in self._due_now():
                    self._dialling.add(peer_id)
                    nursery.start_soon(self._dial_peer, peer_id)
                with trio.move_on_after(self._pause_s()):
                    await self._woken.wait()

    def _due_now(self) -> tuple[str, ...]:
        connected = self._connected()
        room = min(self._target_peers - len(connected), limits.DIALS_AT_ONCE) - len(self._dialling)
        if room <= 0:
            return ()
        due = self._book.due({*connected, *self._dialling}, trio.current_time())
        return tuple(peer for peer in due if not self._is_banned(peer))[:room]

    def _pause_s(self) -> float:
        """Until the next candidate falls due; without room or candidates only `wake` ends the pause early."""
        connected = self._connected()
        if len(connected) + len(self._dialling) >= self._target_peers:
            return limits.REDIAL_MAX_S
        due_s = self._book.next_due_s({*connected, *self._dialling})
        if due_s is None:
            return limits.REDIAL_MAX_S
        return max(limits.REDIAL_FIRST_S / 4, due_s - trio.current_time())

    async def _dial_peer(self, peer_id: str) -> None:
        """Try the addresses of one peer, the likeliest first."""
        try:
            for address in self._book.addresses(peer_id):
                on_hearsay = not self._book.is_proven(peer_id)
                if on_hearsay and not self.doorsteps.may_knock(address.host, trio.current_time()):
                    continue
                try:
                    await self._connect(address, limits.DIAL_TIMEOUT_S / 2)
                except P2PError:
                    continue
                self.doorsteps.answered(address.host)
                return
            self._book.failed(peer_id, trio.current_time())
        finally:
            self._dialling.discard(peer_id)
            self.wake()
