"""From which block a new transaction counts its life. Reads only.

A transaction names that block, so it is lost with it: a block above the last final one may be undone. But while
nothing becomes final, a life counted from the last final block would soon be over before it began, and then nobody
could vote for what makes the chain final again.
"""

from typing import Final

from node.ledger.transaction import ERA_PERIOD_DEFAULT_BLOCKS
from node.primitives.types import Hash, Height
from node.service.chain import Chain

FINAL_LAG_MAX: Final = ERA_PERIOD_DEFAULT_BLOCKS // 2  # half of a life is left at least


def birth_of(chain: Chain) -> tuple[Height, Hash]:
    """The last final block, or the head while finality lags by more than FINAL_LAG_MAX blocks."""
    final, head = chain.final, chain.head
    if head.height - final.header.height <= FINAL_LAG_MAX:
        return final.header.height, final.hash
    return head.height, head.hash
