"""Publishes on chain where this node's seat can be reached, whenever what the chain says is out of date."""

import logging
from typing import Final

from node.ledger.calls import ServeAxon
from node.market.chain import Head
from node.market.context import MarketContext
from node.primitives.errors import NodeError
from node.primitives.limits import ADDRESS_BYTES_MAX, ADDRESSES_PER_AXON_MAX
from node.primitives.types import Height

RETRY_BLOCKS: Final = 5  # a transaction that is not in after five blocks is lost or was refused

_log = logging.getLogger(__name__)


class Announcer:
    """Call `tick` at every head."""

    def __init__(self, context: MarketContext) -> None:
        self._context = context
        self._next_try = Height(0)
        self.last_error = ""

    async def tick(self, head: Head) -> None:
        """Submit `ServeAxon` when the seat names another peer or other addresses. Never raises NodeError."""
        seat = self._context.seat()
        peer_id, addresses = self._context.network.peer_id, self._addresses()
        if seat is None or head.height < self._next_try:
            return
        if seat.peer_id == peer_id and set(seat.addresses) == set(addresses):
            self.last_error = ""
            return
        self._next_try = Height(head.height + RETRY_BLOCKS)
        call = ServeAxon(self._context.netuid, peer_id.encode(), tuple(a.encode() for a in addresses))
        try:
            await self._context.chain.submit(call, self._context.signer)
        except NodeError as error:
            self.last_error = str(error)
            _log.warning("this node's addresses could not be published: %s", error)

    def _addresses(self) -> tuple[str, ...]:
        usable = [a for a in self._context.network.addresses if len(a.encode()) <= ADDRESS_BYTES_MAX]
        return tuple(usable[:ADDRESSES_PER_AXON_MAX])
