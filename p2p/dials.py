"""Dials under way: two that want the same peer do not both connect; the second waits for the first to end.

Knows nothing of connections but whether there are any; whoever calls decides how one is made.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import trio

from p2p.addresses import TcpAddress
from p2p.counters import Counters
from p2p.errors import UnreachableError


@dataclass(slots=True)
class _Dial:
    """An attempt under way to reach a peer at one address; others that want the peer wait for its end."""

    address: TcpAddress
    ended: trio.Event = field(default_factory=trio.Event)
    failure: UnreachableError | None = None


class Dials:
    """The dials of one network."""

    def __init__(
        self, is_connected: Callable[[str], bool], dial: Callable[[TcpAddress], Awaitable[None]], counters: Counters
    ) -> None:
        self._is_connected = is_connected
        self._dial = dial
        self._counters = counters
        self._under_way: dict[str, _Dial] = {}

    async def connect(self, address: TcpAddress, timeout_s: float) -> None:
        """Return once the peer is connected. Raises UnreachableError, and what the dial raises."""
        peer_id = address.peer_id or ""
        with trio.move_on_after(timeout_s):
            while not self._is_connected(peer_id):
                other = self._under_way.get(peer_id)
                if other is None:
                    await self._once(address, peer_id)
                    continue
                await other.ended.wait()
                if other.failure is not None and other.address == address:
                    raise UnreachableError(str(other.failure))
            return
        self._counters.add("dials.failed")
        raise UnreachableError(f"{address} did not answer within {timeout_s:g} s")

    async def _once(self, address: TcpAddress, peer_id: str) -> None:
        attempt = self._under_way[peer_id] = _Dial(address)
        self._counters.add("dials")
        try:
            await self._dial(address)
        except UnreachableError as error:
            self._counters.add("dials.failed")
            attempt.failure = error
            raise
        finally:
            del self._under_way[peer_id]
            attempt.ended.set()
