"""Protocols that come and go with roles, on a network where a protocol is served once and for all.

A stream that arrives while nothing is plugged in is reset; unplugging cancels what still runs.
One switchboard a network.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import trio

from node.primitives.types import NetUid
from p2p import Handler, Network, P2PError, Stream


def of_subnet(protocol: str, netuid: NetUid) -> str:
    """The protocol as it is spoken in one subnet: a node may serve several, each on streams of its own."""
    return f"{protocol}/{netuid}"


@dataclass(slots=True, eq=False)
class _Plug:
    handler: Handler
    running: set[trio.CancelScope] = field(default_factory=set)


class Switchboard:
    """Connects stream protocols of one network to the roles that answer them now."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._plugs: dict[str, _Plug | None] = {}

    @contextmanager
    def plug(
        self, protocol: str, handler: Handler, *, per_peer: int, total: int, with_credit: bool = False
    ) -> Iterator[None]:
        """Answer `protocol` for the length of the block; the bounds are those of the first time. Raises P2PError."""
        if self._plugs.get(protocol) is not None:
            raise P2PError(f"the protocol {protocol} is answered already; stop that role first")
        if protocol not in self._plugs:

            async def dispatch(stream: Stream) -> None:
                await self._dispatch(protocol, stream)

            self._network.serve(protocol, dispatch, per_peer=per_peer, total=total, with_credit=with_credit)
        plug = self._plugs[protocol] = _Plug(handler)
        try:
            yield
        finally:
            self._plugs[protocol] = None
            for scope in plug.running:
                scope.cancel()

    async def _dispatch(self, protocol: str, stream: Stream) -> None:
        plug = self._plugs.get(protocol)
        if plug is None:
            await stream.reset()
            return
        with trio.CancelScope() as scope:
            plug.running.add(scope)
            try:
                await plug.handler(stream)
            finally:
                plug.running.discard(scope)
        if scope.cancelled_caught:
            await stream.reset()
