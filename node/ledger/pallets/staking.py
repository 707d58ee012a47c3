"""Stake: positions of coldkeys behind hotkeys, held as shares of one pool per (hotkey, subnet).

A dividend raises a pool's value and so every position behind it at once. On root the unit is τ, on a subnet its α. A
hotkey belongs to the coldkey that registered it until a key is swapped. Positions are listed by coldkey, by hotkey and
by subnet.
"""

from typing import Final

from msgspec.structs import replace

from node.economics import amm, share_pool
from node.ledger import errors
from node.ledger.calls import AddStake, AddStakeLimit, RemoveStake, RemoveStakeLimit
from node.ledger.context import Context
from node.ledger.events import DelegateAdded, StakeAdded, StakeRemoved
from node.ledger.pallets import accounts, subnets
from node.ledger.state import IndexedList, Map, Overlay, StateView
from node.primitives.codec import Wire
from node.primitives.errors import invariant
from node.primitives.safefloat import SafeFloat
from node.primitives.types import ROOT_NETUID, AccountId, Alpha, Height, NetUid, Rao

_MANTISSA_BYTES: Final = 16
_EXPONENT_BIAS: Final = 1 << 31  # the profile has no negative integers; exponents stay within a few dozen of zero
EVERYBODY: Final = ()
"""The one owner of the list of hotkeys."""


class Hotkey(Wire, frozen=True):
    """A hotkey's account; `take_changed_at` is 0 while the take is as it began."""

    owner: AccountId
    take_u16: int
    take_changed_at: Height = Height(0)
    delegate: bool = False


class ShareRow(Wire, frozen=True):
    """A `share_pool.Share` as stored: mantissa of 16 bytes, exponent + 2^31."""

    mantissa: bytes
    exponent_biased: int
    generation: int


class PoolRow(Wire, frozen=True):
    """A `share_pool.SharePool` as stored; its denominator is a number like a share's."""

    value: int
    mantissa: bytes
    exponent_biased: int
    generation: int


HotkeyOnSubnet = tuple[AccountId, NetUid]
Position = tuple[AccountId, NetUid, AccountId]

HOTKEY: Final[Map[AccountId, Hotkey]] = Map("staking", "hotkey", AccountId, Hotkey, about="Owner and take of a hotkey")
HOTKEYS: Final[IndexedList[tuple[()], AccountId]] = IndexedList(
    "staking", "hotkeys", tuple[()], AccountId, about="Every hotkey"
)
OWNED: Final[IndexedList[AccountId, AccountId]] = IndexedList(
    "staking", "owned", AccountId, AccountId, about="Hotkeys of a coldkey"
)
POOL: Final[Map[HotkeyOnSubnet, PoolRow]] = Map(
    "staking", "pool", HotkeyOnSubnet, PoolRow, about="Stake behind a hotkey on a subnet"
)
SHARE: Final[Map[Position, ShareRow]] = Map(
    "staking", "share", Position, ShareRow, about="A coldkey's share of (hotkey, subnet)"
)
POSITIONS: Final[IndexedList[AccountId, HotkeyOnSubnet]] = IndexedList(
    "staking", "positions", AccountId, HotkeyOnSubnet, about="Positions of a coldkey"
)
NOMINATORS: Final[IndexedList[HotkeyOnSubnet, AccountId]] = IndexedList(
    "staking", "nominators", HotkeyOnSubnet, AccountId, about="Coldkeys behind a hotkey on a subnet"
)
STAKED: Final[IndexedList[NetUid, AccountId]] = IndexedList(
    "staking", "staked", NetUid, AccountId, about="Hotkeys that have, or had, stake on a subnet"
)


def require_hotkey(view: StateView, account: AccountId) -> Hotkey:
    """The hotkey's record. Raises HotKeyAccountNotExists."""
    hotkey = HOTKEY.find(view, account)
    if hotkey is None:
        raise errors.HotKeyAccountNotExists
    return hotkey


def create_hotkey(overlay: Overlay, account: AccountId, owner: AccountId, take_u16: int) -> None:
    """Make `account` a hotkey of `owner`."""
    invariant(HOTKEY.find(overlay, account) is None, "a hotkey is created once")
    HOTKEY.put(overlay, account, Hotkey(owner, take_u16))
    HOTKEYS.add(overlay, EVERYBODY, account)
    OWNED.add(overlay, owner, account)


def give_hotkey(overlay: Overlay, account: AccountId, owner: AccountId) -> None:
    """Make a hotkey another coldkey's."""
    old = HOTKEY.get(overlay, account)
    HOTKEY.put(overlay, account, replace(old, owner=owner))
    OWNED.remove(overlay, old.owner, account)
    OWNED.add(overlay, owner, account)


def delete_hotkey(overlay: Overlay, account: AccountId) -> None:
    """Forget a hotkey; the caller has moved its seats, its links and all stake behind it."""
    OWNED.remove(overlay, HOTKEY.get(overlay, account).owner, account)
    HOTKEY.delete(overlay, account)
    HOTKEYS.remove(overlay, EVERYBODY, account)


def require_owned(view: StateView, account: AccountId, coldkey: AccountId) -> Hotkey:
    """The record of a hotkey of `coldkey`. Raises HotKeyAccountNotExists or NonAssociatedColdKey."""
    hotkey = require_hotkey(view, account)
    if hotkey.owner != coldkey:
        raise errors.NonAssociatedColdKey
    return hotkey


def total_stake_rao(view: StateView, hotkey: AccountId) -> int:
    """What all stake behind a hotkey is worth at spot prices, root τ included."""
    values = ((stake_behind(view, hotkey, netuid), netuid) for netuid in (ROOT_NETUID, *subnets.NETUIDS.get(view)))
    return sum(amount * subnets.price_q64(view, netuid) >> 64 for amount, netuid in values if amount)


def stake_behind(view: StateView, hotkey: AccountId, netuid: NetUid) -> Alpha:
    """All stake behind a hotkey on a subnet, whosoever it is."""
    return Alpha(_pool(view, hotkey, netuid).value_rao)


def stake_of(view: StateView, hotkey: AccountId, netuid: NetUid, coldkey: AccountId) -> Alpha:
    """A coldkey's position, rounded down."""
    return Alpha(share_pool.value_of(_pool(view, hotkey, netuid), _share(view, (hotkey, netuid, coldkey))))


def deposit(overlay: Overlay, hotkey: AccountId, netuid: NetUid, coldkey: AccountId, amount: int) -> None:
    """Add to a position; the caller has accounted for where the amount comes from."""
    if amount == 0:
        return
    key = (hotkey, netuid, coldkey)
    after = share_pool.deposit(_pool(overlay, hotkey, netuid), _share(overlay, key), amount)
    _put_pool(overlay, hotkey, netuid, after.pool)
    _put_share(overlay, key, after.share)


def withdraw(overlay: Overlay, hotkey: AccountId, netuid: NetUid, coldkey: AccountId, amount: int) -> None:
    """Take from a position. Raises NotEnoughStakeToWithdraw."""
    key = (hotkey, netuid, coldkey)
    pool, share = _pool(overlay, hotkey, netuid), _share(overlay, key)
    held = share_pool.value_of(pool, share)
    if amount > held:
        raise errors.NotEnoughStakeToWithdraw(f"The position holds {held}; {amount} were asked for.")
    after = share_pool.withdraw(pool, share, amount)
    _put_pool(overlay, hotkey, netuid, after.pool)
    _put_share(overlay, key, after.share)


def distribute(overlay: Overlay, hotkey: AccountId, netuid: NetUid, amount: int) -> None:
    """Raise every position behind a hotkey pro rata; with nobody behind it the amount is its owner's."""
    pool = _pool(overlay, hotkey, netuid)
    if pool.is_empty:
        deposit(overlay, hotkey, netuid, HOTKEY.get(overlay, hotkey).owner, amount)
    elif amount:
        _put_pool(overlay, hotkey, netuid, share_pool.distribute(pool, amount))


def forget_subnet(overlay: Overlay, netuid: NetUid) -> None:
    """Erase every position, share pool and list of a dissolved subnet; whoever dissolves it has paid them out."""
    for hotkey in STAKED.members(overlay, netuid):
        place = (hotkey, netuid)
        for coldkey in NOMINATORS.members(overlay, place):
            SHARE.delete(overlay, (hotkey, netuid, coldkey))
            POSITIONS.remove(overlay, coldkey, place)
        NOMINATORS.clear(overlay, place)
        POOL.delete(overlay, place)
    STAKED.clear(overlay, netuid)


def add_stake(context: Context, sender: AccountId, call: AddStake | AddStakeLimit) -> amm.Swap:
    """Swap τ for a subnet's α and stake it; on root stake the τ. The swap that was made."""
    overlay, parameters = context.state, context.parameters
    subnets.require_stakeable(overlay, call.netuid)
    hotkey = require_hotkey(overlay, call.hotkey)
    fee_u16 = fee_rate_u16(context, call.netuid)
    least_rao = parameters.min_stake_rao + amm.fee_of(parameters.min_stake_rao, fee_u16)
    if call.amount_rao < least_rao:
        raise errors.AmountTooLow(f"Stake at least {least_rao} rao.")
    if accounts.free_balance(overlay, sender) < call.amount_rao:
        raise errors.NotEnoughBalanceToStake
    swap = _swap(context, call, amm.Side.BUY, call.amount_rao, fee_u16)
    accounts.debit(overlay, sender, swap.paid_in_rao + swap.fee_rao)
    subnets.apply(overlay, call.netuid, swap)
    subnets.pay_fee(context, call.netuid, swap)
    deposit(overlay, call.hotkey, call.netuid, sender, swap.out_rao)
    note_delegate(context, call.hotkey, hotkey, sender)
    context.emit(
        StakeAdded(
            sender, call.hotkey, Rao(swap.paid_in_rao), Alpha(swap.out_rao), call.netuid, Rao(swap.fee_rao)
        )
    )  # fmt: skip
    return swap


def remove_stake(context: Context, sender: AccountId, call: RemoveStake | RemoveStakeLimit) -> None:
    """Take α out of a position and sell it for τ; on root give the τ back."""
    overlay, parameters = context.state, context.parameters
    subnets.require_stakeable(overlay, call.netuid)
    require_hotkey(overlay, call.hotkey)
    if call.amount_alpha == 0:
        raise errors.AmountTooLow("The amount is zero.")
    held = stake_of(overlay, call.hotkey, call.netuid, sender)
    if call.amount_alpha > held:
        raise errors.NotEnoughStakeToWithdraw(f"The position holds {held}; {call.amount_alpha} were asked for.")
    fee_u16 = fee_rate_u16(context, call.netuid)
    swap = _swap(context, call, amm.Side.SELL, call.amount_alpha, fee_u16)
    taken = swap.paid_in_rao + swap.fee_rao
    if taken < held and swap.out_rao < parameters.min_stake_rao:
        raise errors.AmountTooLow(f"Take out at least {parameters.min_stake_rao} rao, or the whole position.")
    sell(context, sender, call.hotkey, call.netuid, swap)
    accounts.credit(overlay, sender, swap.out_rao)
    clear_small_nomination(context, call.hotkey, call.netuid, sender)


def sell(context: Context, coldkey: AccountId, hotkey: AccountId, netuid: NetUid, swap: amm.Swap) -> None:
    """Write a sale out of a position; its τ is the caller's to give. Raises NotEnoughStakeToWithdraw."""
    withdraw(context.state, hotkey, netuid, coldkey, swap.paid_in_rao + swap.fee_rao)
    subnets.apply(context.state, netuid, swap)
    subnets.pay_fee(context, netuid, swap)
    context.emit(
        StakeRemoved(
            coldkey, hotkey, Rao(swap.out_rao), Alpha(swap.paid_in_rao), netuid, Alpha(swap.fee_rao)
        )
    )  # fmt: skip


def note_delegate(context: Context, account: AccountId, hotkey: Hotkey, coldkey: AccountId) -> None:
    """A hotkey becomes a delegate when somebody else stakes behind it."""
    if hotkey.owner != coldkey and not hotkey.delegate:
        HOTKEY.put(context.state, account, Hotkey(hotkey.owner, hotkey.take_u16, hotkey.take_changed_at, True))
        context.emit(DelegateAdded(hotkey.owner, account, hotkey.take_u16))


def clear_small_nomination(context: Context, account: AccountId, netuid: NetUid, coldkey: AccountId) -> None:
    """Sell what a nominator has left behind a hotkey if it is worth less than the chain's least; off by default.

    A position that its pool will not buy stays.
    """
    overlay, parameters = context.state, context.parameters
    least_rao = parameters.min_stake_rao * parameters.nominator_min_stake_ppm // 1_000_000
    if least_rao == 0 or require_hotkey(overlay, account).owner == coldkey:
        return
    held = stake_of(overlay, account, netuid, coldkey)
    if held == 0 or held * subnets.price_q64(overlay, netuid) >= least_rao << 64:
        return
    try:
        swap = subnets.simulate(overlay, netuid, amm.Side.SELL, held, fee_u16=fee_rate_u16(context, netuid))
    except errors.CallError:
        return
    sell(context, coldkey, account, netuid, swap)
    accounts.credit(overlay, coldkey, swap.out_rao)


def fee_rate_u16(context: Context, netuid: NetUid) -> int:
    """The rate of a swap's fee on a subnet; root asks for none."""
    return 0 if netuid == ROOT_NETUID else context.parameters.swap_fee_u16


def _swap(
    context: Context,
    call: AddStake | AddStakeLimit | RemoveStake | RemoveStakeLimit,
    side: amm.Side,
    amount: int,
    fee_u16: int,
) -> amm.Swap:
    """The swap a call asks for, not yet written; it moves something."""
    limit, partial = None, False
    if isinstance(call, AddStakeLimit | RemoveStakeLimit):
        limit, partial = call.limit_price, call.allow_partial
    swap = subnets.simulate(
        context.state, call.netuid, side, amount, fee_u16=fee_u16, limit=limit, allow_partial=partial
    )
    if swap.out_rao == 0:
        raise errors.InsufficientLiquidity
    return swap


def _pool(view: StateView, hotkey: AccountId, netuid: NetUid) -> share_pool.SharePool:
    row = POOL.find(view, (hotkey, netuid))
    if row is None:
        return share_pool.SharePool()
    return share_pool.SharePool(row.value, _number(row.mantissa, row.exponent_biased), row.generation)


def _put_pool(overlay: Overlay, hotkey: AccountId, netuid: NetUid, pool: share_pool.SharePool) -> None:
    """An emptied pool's row stays: it holds the generation that makes old shares void."""
    key = (hotkey, netuid)
    if POOL.find(overlay, key) is None:
        STAKED.add(overlay, netuid, hotkey)
    mantissa, exponent = _stored(pool.denominator)
    POOL.put(overlay, key, PoolRow(pool.value_rao, mantissa, exponent, pool.generation))


def _share(view: StateView, key: Position) -> share_pool.Share:
    row = SHARE.find(view, key)
    if row is None:
        return share_pool.NO_SHARE
    return share_pool.Share(_number(row.mantissa, row.exponent_biased), row.generation)


def _put_share(overlay: Overlay, key: Position, share: share_pool.Share) -> None:
    hotkey, netuid, coldkey = key
    if share == share_pool.NO_SHARE:
        SHARE.delete(overlay, key)
        POSITIONS.remove(overlay, coldkey, (hotkey, netuid))
        NOMINATORS.remove(overlay, (hotkey, netuid), coldkey)
        return
    if SHARE.find(overlay, key) is None:
        POSITIONS.add(overlay, coldkey, (hotkey, netuid))
        NOMINATORS.add(overlay, (hotkey, netuid), coldkey)
    mantissa, exponent = _stored(share.amount)
    SHARE.put(overlay, key, ShareRow(mantissa, exponent, share.generation))


def _number(mantissa: bytes, exponent_biased: int) -> SafeFloat:
    return SafeFloat(int.from_bytes(mantissa, "big"), exponent_biased - _EXPONENT_BIAS)


def _stored(number: SafeFloat) -> tuple[bytes, int]:
    return number.mantissa.to_bytes(_MANTISSA_BYTES, "big"), number.exponent + _EXPONENT_BIAS
