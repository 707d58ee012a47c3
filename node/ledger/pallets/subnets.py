"""Subnets and their pools: who owns one, by which numbers it runs, and what an α costs.

Root (netuid 0) is a pool without α: its τ reserve is the sum of all root stake and one τ is one unit. Every α of a
subnet is in its pool or counted by `alpha_out`; what of that belongs to nobody is told apart as protocol or burned α.
"""

from collections.abc import Iterable
from typing import Final

from node.economics import amm
from node.economics import errors as economics
from node.ledger import errors
from node.ledger.calls import SubnetIdentity
from node.ledger.context import Context
from node.ledger.pallets import accounts
from node.ledger.parameters import Hyperparameters
from node.ledger.state import Map, Overlay, StateView, Value
from node.primitives.codec import Wire
from node.primitives.errors import invariant
from node.primitives.types import MAX_SUPPLY_RAO, ROOT_NETUID, AccountId, Height, NetUid


class Subnet(Wire, frozen=True):
    """Who owns a subnet and since when it runs; the name is for display."""

    name: str
    owner_hotkey: AccountId
    owner_coldkey: AccountId
    registered_at: Height
    first_emission_block: Height
    """0 until the owner starts it: no staking and no emission before."""


class SubnetPool(Wire, frozen=True):
    """Reserves and where the α outside of them is."""

    tao_rao: int = 0
    alpha_in: int = 0
    alpha_out: int = 0
    quote_weight: int = amm.WEIGHT_HALF
    protocol_alpha: int = 0
    """Part of `alpha_out` that emission bought back."""
    burned_alpha: int = 0
    """Part of `alpha_out` that nobody will ever hold."""

    @property
    def issuance_alpha(self) -> int:
        """What the subnet's halving goes by."""
        return self.alpha_in + self.alpha_out


NETUIDS: Final[Value[tuple[NetUid, ...]]] = Value(
    "subnets", "netuids", tuple[NetUid, ...], default=(), about="Every subnet but root, ascending"
)
SUBNET: Final[Map[NetUid, Subnet]] = Map("subnets", "subnet", NetUid, Subnet, about="Owner and age of a subnet")
HYPERPARAMETERS: Final[Map[NetUid, Hyperparameters]] = Map(
    "subnets", "hyperparameters", NetUid, Hyperparameters, about="A subnet's own numbers"
)
POOL: Final[Map[NetUid, SubnetPool]] = Map(
    "subnets", "pool", NetUid, SubnetPool, default=SubnetPool(), about="A subnet's reserves"
)

IDENTITY: Final[Map[NetUid, SubnetIdentity]] = Map(
    "subnets", "identity", NetUid, SubnetIdentity, about="What a subnet's owner says of it"
)
GENERATION: Final[Map[NetUid, int]] = Map(
    "subnets", "generation", NetUid, int, default=0, about="How many subnets a netuid has been given to since genesis"
)


def require(view: StateView, netuid: NetUid) -> Subnet:
    """The subnet, never root. Raises SubnetNotExists."""
    subnet = SUBNET.find(view, netuid)
    if subnet is None:
        raise errors.SubnetNotExists(f"There is no subnet {netuid}.")
    return subnet


def require_stakeable(view: StateView, netuid: NetUid) -> None:
    """Raise unless τ can be staked there: root always, a subnet once its owner has started it."""
    if netuid != ROOT_NETUID and require(view, netuid).first_emission_block == 0:
        raise errors.SubtokenDisabled(f"The owner of subnet {netuid} has not started it yet.")


def amm_pool(pool: SubnetPool) -> amm.Pool:
    """The reserves as the swap arithmetic takes them."""
    return amm.Pool(pool.tao_rao, pool.alpha_in, pool.quote_weight)


def price_q64(view: StateView, netuid: NetUid) -> int:
    """Spot price in τ per α as U64F64; 1 on root."""
    return 1 << 64 if netuid == ROOT_NETUID else amm.price(amm_pool(POOL.get(view, netuid)))


def change(
    overlay: Overlay,
    netuid: NetUid,
    *,
    tao_rao: int = 0,
    alpha_in: int = 0,
    alpha_out: int = 0,
    protocol_alpha: int = 0,
    burned_alpha: int = 0,
    quote_weight: int | None = None,
) -> None:
    """Add to a pool's amounts, and set its weight if one is given; nothing may fall below zero or exceed the supply."""
    old = POOL.get(overlay, netuid)
    new = SubnetPool(
        old.tao_rao + tao_rao,
        old.alpha_in + alpha_in,
        old.alpha_out + alpha_out,
        old.quote_weight if quote_weight is None else quote_weight,
        old.protocol_alpha + protocol_alpha,
        old.burned_alpha + burned_alpha,
    )
    amounts = (new.tao_rao, new.alpha_in, new.alpha_out, new.protocol_alpha, new.burned_alpha)
    invariant(all(0 <= amount <= MAX_SUPPLY_RAO for amount in amounts), "a pool's amounts stay within the supply")
    POOL.put(overlay, netuid, new)


def simulate(
    view: StateView,
    netuid: NetUid,
    side: amm.Side,
    amount: int,
    *,
    fee_u16: int,
    limit: int | None = None,
    allow_partial: bool = False,
) -> amm.Swap:
    """What a swap would give; on root one for one without fee. Raises the CallErrors of a refused swap."""
    if netuid == ROOT_NETUID:
        return _root_swap(POOL.get(view, netuid), side, amount, limit)
    pool = amm_pool(POOL.get(view, netuid))
    try:
        if limit is None:
            return amm.swap(pool, side, amount, fee_rate_u16=fee_u16)
        return amm.swap_all_or_partial(pool, side, amount, limit, allow_partial=allow_partial, fee_rate_u16=fee_u16)
    except economics.SwapError as error:
        raise _call_error(error) from error


def apply(overlay: Overlay, netuid: NetUid, swap: amm.Swap) -> None:
    """Write a swap's reserves. The α that crosses the pool's border changes `alpha_out`; the fee is not touched."""
    if netuid == ROOT_NETUID:
        change(overlay, netuid, tao_rao=swap.out_rao if swap.side is amm.Side.BUY else -swap.paid_in_rao)
    elif swap.side is amm.Side.BUY:
        change(overlay, netuid, tao_rao=swap.paid_in_rao, alpha_in=-swap.out_rao, alpha_out=swap.out_rao)
    else:
        change(overlay, netuid, tao_rao=-swap.out_rao, alpha_in=swap.paid_in_rao, alpha_out=-swap.paid_in_rao)


def pay_fee(context: Context, netuid: NetUid, swap: amm.Swap) -> None:
    """Give a swap's fee to the block's producer: τ as it is, α sold without fee (burned if the pool gives nothing)."""
    if swap.fee_rao == 0:
        return
    if swap.side is amm.Side.BUY:
        accounts.credit(context.state, context.producer, swap.fee_rao)
        return
    try:
        sale = simulate(context.state, netuid, amm.Side.SELL, swap.fee_rao, fee_u16=0)
    except errors.CallError:
        change(context.state, netuid, burned_alpha=swap.fee_rao)
        return
    apply(context.state, netuid, sale)
    accounts.credit(context.state, context.producer, sale.out_rao)


def emitting(view: StateView, netuids: Iterable[NetUid], height: Height) -> list[NetUid]:
    """The subnets that emit in the block at `height`: started, and open for registration."""
    return [
        netuid
        for netuid in netuids
        if 0 < SUBNET.get(view, netuid).first_emission_block <= height
        and HYPERPARAMETERS.get(view, netuid).registration_allowed
    ]


def forget(overlay: Overlay, netuid: NetUid) -> None:
    """Erase a dissolved subnet; its generation stays, so that the next subnet of that number has another one."""
    NETUIDS.put(overlay, tuple(other for other in NETUIDS.get(overlay) if other != netuid))
    SUBNET.delete(overlay, netuid)
    HYPERPARAMETERS.delete(overlay, netuid)
    POOL.delete(overlay, netuid)
    IDENTITY.delete(overlay, netuid)


def _root_swap(pool: SubnetPool, side: amm.Side, amount: int, limit: int | None) -> amm.Swap:
    beyond = limit is not None and (
        limit < amm.PRICE_LIMIT_ONE if side is amm.Side.BUY else limit > amm.PRICE_LIMIT_ONE
    )
    if beyond:
        raise errors.SlippageTooHigh("On root one τ is always one unit of stake.")
    return amm.Swap(side, amount, 0, amount, amm_pool(pool))


def _call_error(error: economics.SwapError) -> errors.CallError:
    kinds: tuple[tuple[type[economics.SwapError], type[errors.CallError]], ...] = (
        (economics.SlippageError, errors.SlippageTooHigh),
        (economics.PriceLimitError, errors.PriceLimitExceeded),
        (economics.SwapInputTooLargeError, errors.SwapInputTooLarge),
    )
    for kind, answer in kinds:
        if isinstance(error, kind):
            return answer(error.message)
    return errors.InsufficientLiquidity(error.message)
