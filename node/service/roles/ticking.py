"""Gives a subnet its own time: `tick` once at every head, one after the other, whatever it does.

A tick that takes long misses heads, and a tick that fails is logged: neither holds up the role.
"""

import logging

from node.market.chain import ChainReader
from node.subnets.base import AnySubnet, Host

_log = logging.getLogger(__name__)


async def tick_at_heads(subnet: AnySubnet, host: Host, chain: ChainReader) -> None:
    """Run the subnet's `tick` at every head it has time for, until cancelled."""
    with chain.heads() as heads:
        async for _ in heads:
            try:
                await subnet.tick(host)
            except Exception:  # a subnet's program may fail in any way; the role goes on
                _log.exception("the subnet %s failed at its own work", subnet.spec.name)
