"""Read models of prices: what α cost after a block, what was traded in it, and what a swap of subnets would give.

Prices are τ per α in units of 10^-9, rounded down; rates are destination α per origin α in the same units. Read only.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from node.economics import amm
from node.ledger import errors
from node.ledger.events import Event, StakeAdded, StakeRemoved
from node.ledger.pallets import moves, subnets, system
from node.ledger.state import StateView
from node.primitives.types import RAO_PER_TAO, ROOT_NETUID, Hash, NetUid

_PPM: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class ExchangeQuote:
    """What selling α of one subnet for another's would give now.

    `largest` is the most that fits within the limit, None for any amount; the other amounts are of all of `amount`.
    `fee_in` is in the origin's α (from root: in τ of the destination's pool). `impact_ppm` compares with `rate`.
    """

    amount: int
    tao_rao: int
    gets: int
    fee_in: int
    rate: int
    limit_rate: int
    largest: int | None
    origin_before_rao: int
    origin_after_rao: int
    destination_before_rao: int
    destination_after_rao: int
    impact_ppm: int


class _Changes:
    """The rows of one block's changes, as a state of its own."""

    def __init__(self, changes: Mapping[Hash, bytes | None]) -> None:
        self._changes = changes

    def get(self, path: Hash) -> bytes | None:
        return self._changes.get(path)


def prices_of(view: StateView) -> dict[NetUid, int]:
    """The price on every subnet but root."""
    return {netuid: price_rao(view, netuid) for netuid in subnets.NETUIDS.get(view)}


def price_rao(view: StateView, netuid: NetUid) -> int:
    """The price on one subnet; 0 where a pool has no α."""
    return subnets.price_q64(view, netuid) * RAO_PER_TAO >> 64


def changed_prices(changes: Mapping[Hash, bytes | None], netuids: Iterable[NetUid]) -> dict[NetUid, int]:
    """The prices that a block left on those of `netuids` whose pool it touched; from its changes alone."""
    view = _Changes(changes)
    return {netuid: price_rao(view, netuid) for netuid in netuids if changes.get(subnets.POOL.path(netuid)) is not None}


def changed_netuids(changes: Mapping[Hash, bytes | None]) -> tuple[NetUid, ...] | None:
    """The subnets after a block that made or dissolved some, None after any other."""
    return subnets.NETUIDS.get(_Changes(changes)) if subnets.NETUIDS.path in changes else None


def traded(events: Sequence[Event]) -> dict[NetUid, int]:
    """The τ that went into and out of each pool by people's hands in one block, in rao; root is no pool."""
    volumes: dict[NetUid, int] = {}
    for event in events:
        if isinstance(event, StakeAdded | StakeRemoved) and event.netuid != ROOT_NETUID:
            volumes[event.netuid] = volumes.get(event.netuid, 0) + event.tao_rao
    return volumes


def quote_exchange(
    view: StateView, origin: NetUid, destination: NetUid, amount: int, tolerance_ppm: int
) -> ExchangeQuote:
    """What moving stake between two subnets would give, and the limit that a tolerance means.

    Raises SameNetuid, SubnetNotExists, SubtokenDisabled, InsufficientLiquidity, SwapInputTooLarge.
    """
    if origin == destination:
        raise errors.SameNetuid("Both are the same subnet: nothing would be swapped.")
    for netuid in (origin, destination):
        subnets.require_stakeable(view, netuid)
    fee_u16 = system.PARAMETERS.get(view).swap_fee_u16
    sold_q64, bought_q64 = subnets.price_q64(view, origin), subnets.price_q64(view, destination)
    if sold_q64 == 0 or bought_q64 == 0:
        raise errors.InsufficientLiquidity("One of the pools has no price.")
    rate = sold_q64 * RAO_PER_TAO // bought_q64
    limit_rate = -(-rate * (_PPM - tolerance_ppm) // _PPM)
    # the fee is dropped where stake comes to, or, from root, where it leaves: as `node.ledger.pallets.moves` does
    sale = subnets.simulate(view, origin, amm.Side.SELL, amount, fee_u16=0 if origin == ROOT_NETUID else fee_u16)
    buy_fee_u16 = fee_u16 if origin == ROOT_NETUID else 0
    purchase = subnets.simulate(view, destination, amm.Side.BUY, sale.out_rao, fee_u16=buy_fee_u16)
    if sale.out_rao == 0 or purchase.out_rao == 0:
        raise errors.InsufficientLiquidity("The pools would give nothing for this amount.")
    ideal = amount * sold_q64 // bought_q64
    return ExchangeQuote(
        amount=amount,
        tao_rao=sale.out_rao,
        gets=purchase.out_rao,
        fee_in=sale.fee_rao or purchase.fee_rao,
        rate=rate,
        limit_rate=limit_rate,
        largest=moves.largest_move(view, origin, destination, limit_rate, fee_u16),
        origin_before_rao=sold_q64 * RAO_PER_TAO >> 64,
        origin_after_rao=_after_rao(origin, sale),
        destination_before_rao=bought_q64 * RAO_PER_TAO >> 64,
        destination_after_rao=_after_rao(destination, purchase),
        impact_ppm=max(0, ideal - purchase.out_rao) * _PPM // ideal if ideal else 0,
    )


def _after_rao(netuid: NetUid, swap: amm.Swap) -> int:
    return RAO_PER_TAO if netuid == ROOT_NETUID else amm.price(swap.pool) * RAO_PER_TAO >> 64
