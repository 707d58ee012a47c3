"""What a call costs and what of it is the creator's. Integers in rao; nothing here moves money.

A caller pays its miner by the miner's offer. The creator's share is a part of that payment, which the miner's node pays
out by itself; receipts, which the caller signed too, say what was earned, but no rule of the ledger forces a miner.
"""

from typing import Final

from node.market.offers import PRICED_UNITS

UNIT: Final = "mmac"
"""The unit of offers and receipts: a million multiply-accumulates."""

_PERCENT: Final = 100


def cost_rao(units: int, price_rao: int) -> int:
    """What so many units cost at a price for a million of them, rounded up."""
    return -(-units * price_rao // PRICED_UNITS)


def creator_part_rao(paid_rao: int, creator_share_percent: int) -> int:
    """What of a payment is the creator's, rounded down: the miner keeps the rest."""
    return paid_rao * creator_share_percent // _PERCENT


def hour_price_rao(price_rao: int, units_per_s: int) -> int:
    """What an hour of uninterrupted work would earn at a price for a million units."""
    return cost_rao(3600 * units_per_s, price_rao)
