"""What stake moves mean before they are signed: quotes, limits, what is left where, and what the chain would refuse.

Every move between pools is quoted by the ledger's own arithmetic and held to the tolerance, by the chain itself where
its call takes a limit, and by a refusal here, with a warning, where it takes none. Nothing here signs or sends.
"""

from node.control.amounts import format_amount, format_ppm, unit_of
from node.control.api import Api
from node.control.effects import PPM, Effect, Lines, tried
from node.control.errors import RemoteError
from node.control.intents import (
    MoveIntent,
    StakeIntent,
    StakeKind,
    SwapIntent,
    TransferStakeIntent,
    UnstakeAllIntent,
    UnstakeIntent,
)
from node.control.schema import Account, ExchangeQuote, Quote
from node.ledger import calls
from node.primitives.address import from_ss58
from node.primitives.codec import encode
from node.primitives.errors import LedgerError
from node.primitives.types import ROOT_NETUID, Alpha, NetUid, Rao

_POSITIONS_SHOWN_MAX = 12
_NO_LIMIT = "The chain takes no limit for this call: until it is in a block the price can move further."
_BEYOND = "This would move the price beyond the limit. Take a smaller amount or a higher tolerance."


async def stake_effect(api: Api, intent: StakeKind, account: Account) -> Effect:
    """Return the effect of any intent about stake, tried on the next block unless it is refused already.

    Raises:
        AddressError: an address of the intent is none. RemoteError: the node cannot quote it.
    """
    match intent:
        case StakeIntent():
            effect = await _stake(api, intent, account)
        case UnstakeIntent():
            effect = await _unstake(api, intent, account)
        case UnstakeAllIntent():
            effect = await _unstake_all(api, intent, account)
        case MoveIntent() | SwapIntent() | TransferStakeIntent():
            effect = await _between(api, intent, account)
    if effect.refusal or effect.pays_rao > account.balance_rao:
        return effect  # told more plainly than the ledger would
    return await tried(api, account.address, effect)


def held_by(account: Account, netuid: int, hotkey: str) -> int:
    """What an account has staked with a hotkey on a subnet."""
    return sum(each.stake_alpha for each in account.stakes if each.netuid == netuid and each.hotkey == hotkey)


# --- in and out -------------------------------------------------------------------------------------------------------


async def _stake(api: Api, intent: StakeIntent, account: Account) -> Effect:
    hotkey, netuid = from_ss58(intent.hotkey), NetUid(intent.netuid)
    quote = await api.quote_stake(intent.netuid, intent.amount_rao)
    limit = quote.price_before_rao * (PPM + intent.tolerance_ppm) // PPM  # rounded down: never above what was said
    call: calls.Call = calls.AddStakeLimit(hotkey, netuid, Rao(intent.amount_rao), limit, intent.allow_partial)
    if netuid == ROOT_NETUID:
        call = calls.AddStake(hotkey, netuid, Rao(intent.amount_rao))
    beyond, pays, wanted = quote.price_after_rao > limit, intent.amount_rao, format_amount(intent.amount_rao)
    if beyond and intent.allow_partial:
        preview = await api.tx_preview(account.address, encode(call))
        if preview.error is None and 0 < -preview.free_change_rao < pays:
            pays = -preview.free_change_rao
            quote = await api.quote_stake(intent.netuid, pays)
    shown = wanted if pays == intent.amount_rao else f"about {format_amount(pays)} of {wanted}, what fits the limit"
    after = held_by(account, intent.netuid, intent.hotkey) + quote.amount_alpha
    return Effect(
        f"Stake {wanted} on subnet {netuid}",
        call,
        (
            *_swap_lines(intent.hotkey, shown, format_amount(quote.amount_alpha, unit_of(netuid)), quote, limit),
            ("stake afterwards", f"about {format_amount(after, unit_of(netuid))}"),
        ),
        pays_rao=pays,
        gets_alpha=quote.amount_alpha,
        impact_ppm=quote.impact_ppm,
        refusal=_beyond_limit(beyond, netuid, intent.allow_partial) or _no_price(quote),
    )


async def _unstake(api: Api, intent: UnstakeIntent, account: Account) -> Effect:
    hotkey, netuid, amount = from_ss58(intent.hotkey), NetUid(intent.netuid), Alpha(intent.amount_alpha)
    quote = await api.quote_unstake(intent.netuid, intent.amount_alpha)
    limit = _floor_of(quote.price_before_rao, intent.tolerance_ppm)
    call: calls.Call = calls.RemoveStakeLimit(hotkey, netuid, amount, limit, intent.allow_partial)
    if netuid == ROOT_NETUID:
        call = calls.RemoveStake(hotkey, netuid, amount)
    held, unit = held_by(account, intent.netuid, intent.hotkey), unit_of(netuid)
    beyond, gets, shown = quote.price_after_rao < limit, quote.tao_rao, format_amount(amount, unit)
    if beyond and intent.allow_partial and amount <= held:
        preview = await api.tx_preview(account.address, encode(call))
        if preview.error is None and 0 < preview.free_change_rao < gets:
            gets, shown = preview.free_change_rao, f"what fits the limit of {shown}"
    refusal = _beyond_limit(beyond, netuid, intent.allow_partial)
    return Effect(
        f"Unstake {format_amount(amount, unit)} from subnet {netuid}",
        call,
        (
            *_swap_lines(intent.hotkey, shown, format_amount(gets), quote, limit),
            ("stake afterwards", _left(held, amount, unit, partly=gets != quote.tao_rao)),
        ),
        gets_rao=gets,
        impact_ppm=quote.impact_ppm,
        refusal=_too_much(amount, held, netuid) or refusal,
    )


async def _unstake_all(api: Api, intent: UnstakeAllIntent, account: Account) -> Effect:
    hotkey = from_ss58(intent.hotkey)
    call: calls.Call = calls.UnstakeAllAlpha(hotkey) if intent.to_root else calls.UnstakeAll(hotkey)
    total = worst = 0
    beyond: list[int] = []
    lines: list[tuple[str, str]] = [("validator", intent.hotkey)]
    for each in sorted(account.stakes, key=lambda each: -each.value_rao):
        if each.hotkey != intent.hotkey or (intent.to_root and each.netuid == ROOT_NETUID):
            continue
        amount = format_amount(each.stake_alpha, unit_of(each.netuid))
        try:
            quote = await api.quote_unstake(each.netuid, each.stake_alpha)
        except (RemoteError, LedgerError) as error:
            lines.append((f"subnet {each.netuid}", f"{amount} stays: {error.message}"))
            continue
        total, worst = total + quote.tao_rao, max(worst, quote.impact_ppm)
        if quote.price_after_rao < _floor_of(quote.price_before_rao, intent.tolerance_ppm):
            beyond.append(each.netuid)
        impact = "" if each.netuid == ROOT_NETUID else f", impact {format_ppm(quote.impact_ppm)}"
        lines.append((f"subnet {each.netuid}", f"{amount} → {format_amount(quote.tao_rao)}{impact}"))
    if len(lines) > _POSITIONS_SHOWN_MAX + 1:
        rest = len(lines) - _POSITIONS_SHOWN_MAX - 1
        lines[_POSITIONS_SHOWN_MAX + 1 :] = [("and", f"{rest} smaller positions")]
    places = ", ".join(map(str, beyond[:_POSITIONS_SHOWN_MAX]))
    refusal = f"On subnet {places} this would move the price by more than the tolerance." if beyond else ""
    if not total:
        refusal = "There is nothing behind that hotkey that could be sold now."
    where = "stake on root" if intent.to_root else "the balance"
    return Effect(
        f"Unstake everything behind one hotkey to {where}",
        call,
        (*lines, ("get about", f"{format_amount(total)} in {where}"), ("largest impact", format_ppm(worst))),
        gets_rao=0 if intent.to_root else total,
        gets_alpha=total if intent.to_root else 0,
        impact_ppm=worst,
        refusal=refusal,
        worth_rao=total,
        warnings=(_NO_LIMIT,),
    )


# --- from position to position ----------------------------------------------------------------------------------------


async def _between(api: Api, intent: MoveIntent | SwapIntent | TransferStakeIntent, account: Account) -> Effect:
    origin = intent.origin_hotkey if isinstance(intent, MoveIntent) else intent.hotkey
    held = held_by(account, intent.origin_netuid, origin)
    refusal = _same(intent, account.address) or _too_much(intent.amount_alpha, held, intent.origin_netuid)
    if intent.origin_netuid == intent.destination_netuid:
        return _within(intent, account, held, refusal)
    quote = await api.quote_exchange(
        intent.origin_netuid, intent.destination_netuid, intent.amount_alpha, intent.tolerance_ppm
    )
    amount, partial = intent.amount_alpha, isinstance(intent, SwapIntent) and intent.allow_partial
    fits = quote.largest_alpha is None or amount <= quote.largest_alpha
    if not fits and partial and quote.largest_alpha and not refusal:
        amount = quote.largest_alpha
        quote = await api.quote_exchange(
            intent.origin_netuid, intent.destination_netuid, amount, intent.tolerance_ppm
        )  # fmt: skip
    elif not fits:
        largest = format_amount(quote.largest_alpha or 0, unit_of(intent.origin_netuid))
        refusal = refusal or f"At most {largest} fit within the limit. Take that, or a higher tolerance."
    if quote.limit_rate == 0:
        refusal = refusal or "1 α is worth so little there that no limit can be set."
    return Effect(
        _title_of(intent),
        _call_of(intent, quote.limit_rate),
        (*_way_lines(intent), *_exchange_lines(intent, quote, amount), *_after_lines(intent, quote, amount, held)),
        gets_alpha=quote.gets_alpha,
        impact_ppm=quote.impact_ppm,
        refusal=refusal,
        worth_rao=quote.tao_rao,
        warnings=() if isinstance(intent, SwapIntent) else (_NO_LIMIT,),
    )


def _within(intent: MoveIntent | SwapIntent | TransferStakeIntent, account: Account, held: int, refusal: str) -> Effect:
    """Stake that stays in its pool: nothing is bought or sold."""
    unit, price = unit_of(intent.origin_netuid), 0
    for each in account.stakes:
        if each.netuid == intent.origin_netuid:
            price = each.price_rao
    worth = intent.amount_alpha * price // 10**9
    return Effect(
        _title_of(intent),
        _call_of(intent, 0),
        (
            *_way_lines(intent),
            ("amount", format_amount(intent.amount_alpha, unit)),
            ("worth about", format_amount(worth)),
            ("price impact", "none: it stays in its subnet, nothing is bought or sold"),
            ("stake left behind", _left(held, intent.amount_alpha, unit)),
        ),
        gets_alpha=0 if isinstance(intent, TransferStakeIntent) else intent.amount_alpha,
        refusal=refusal,
        worth_rao=worth,
    )


def _call_of(intent: MoveIntent | SwapIntent | TransferStakeIntent, limit_rate: int) -> calls.Call:
    origin, destination = NetUid(intent.origin_netuid), NetUid(intent.destination_netuid)
    amount = Alpha(intent.amount_alpha)
    match intent:
        case MoveIntent():
            hotkeys = from_ss58(intent.origin_hotkey), from_ss58(intent.destination_hotkey)
            return calls.MoveStake(*hotkeys, origin, destination, amount)
        case SwapIntent():
            hotkey = from_ss58(intent.hotkey)
            return calls.SwapStakeLimit(hotkey, origin, destination, amount, limit_rate, intent.allow_partial)
        case TransferStakeIntent():
            return calls.TransferStake(from_ss58(intent.to), from_ss58(intent.hotkey), origin, destination, amount)


def _title_of(intent: MoveIntent | SwapIntent | TransferStakeIntent) -> str:
    amount = format_amount(intent.amount_alpha, unit_of(intent.origin_netuid))
    match intent:
        case MoveIntent():
            return f"Move {amount} to another hotkey"
        case SwapIntent():
            return f"Swap {amount} of subnet {intent.origin_netuid} into subnet {intent.destination_netuid}"
        case TransferStakeIntent():
            return f"Give {amount} of stake to another coldkey"


def _same(intent: MoveIntent | SwapIntent | TransferStakeIntent, sender: str) -> str:
    """Why nothing would move, "" where something does."""
    if isinstance(intent, TransferStakeIntent):
        return "Sender and receiver are the same account." if intent.to == sender else ""
    same_place = intent.origin_netuid == intent.destination_netuid
    if isinstance(intent, MoveIntent):
        same_place = same_place and intent.origin_hotkey == intent.destination_hotkey
    return "Origin and destination are the same." if same_place else ""


def _way_lines(intent: MoveIntent | SwapIntent | TransferStakeIntent) -> Lines:
    netuids = f"{intent.origin_netuid} → {intent.destination_netuid}"
    where = netuids if intent.origin_netuid != intent.destination_netuid else str(intent.origin_netuid)
    match intent:
        case MoveIntent():
            return ("from", intent.origin_hotkey), ("to", intent.destination_hotkey), ("subnet", where)
        case SwapIntent():
            return ("validator", intent.hotkey), ("subnet", where)
        case TransferStakeIntent():
            return ("to", intent.to), ("validator", intent.hotkey), ("subnet", where)


def _exchange_lines(intent: MoveIntent | SwapIntent | TransferStakeIntent, quote: ExchangeQuote, amount: int) -> Lines:
    origin, destination = intent.origin_netuid, intent.destination_netuid
    gives = format_amount(amount, unit_of(origin))
    if amount < intent.amount_alpha:
        gives = f"about {gives} of {format_amount(intent.amount_alpha, unit_of(origin))}, what fits the limit"
    pools = []
    for netuid, before, after in (
        (origin, quote.origin_before_rao, quote.origin_after_rao),
        (destination, quote.destination_before_rao, quote.destination_after_rao),
    ):
        if netuid != ROOT_NETUID:
            pools.append((f"price on {netuid}", f"{format_amount(before)} → {format_amount(after)}"))
    return (
        ("give", gives),
        ("get about", format_amount(quote.gets_alpha, unit_of(destination))),
        ("on the way", format_amount(quote.tao_rao)),
        *pools,
        ("price impact", f"{format_ppm(quote.impact_ppm)} of both pools"),
        ("rate limit", f"{format_amount(quote.limit_rate, '')} for 1, now {format_amount(quote.rate, '')}"),
        ("swap fee (in the price)", format_amount(quote.fee_alpha, unit_of(origin))),
    )


def _after_lines(
    intent: MoveIntent | SwapIntent | TransferStakeIntent, quote: ExchangeQuote, amount: int, held: int
) -> Lines:
    return (
        ("stake left behind", _left(held, amount, unit_of(intent.origin_netuid))),
        ("stake that arrives", f"about {format_amount(quote.gets_alpha, unit_of(intent.destination_netuid))}"),
    )


# --- what they share --------------------------------------------------------------------------------------------------


def _swap_lines(hotkey: str, pays: str, gets: str, quote: Quote, limit_rao: int) -> Lines:
    lines = (("validator", hotkey), ("pay", pays), ("get about", gets))
    if quote.netuid == ROOT_NETUID:
        return lines
    prices = f"{format_amount(quote.price_before_rao)} → {format_amount(quote.price_after_rao)}"
    return (
        *lines,
        ("price of 1 α", prices),
        ("price impact", format_ppm(quote.impact_ppm)),
        ("price limit", format_amount(limit_rao)),
        ("swap fee (in the price)", format_amount(quote.fee_rao)),
    )


def _floor_of(price_rao: int, tolerance_ppm: int) -> int:
    """The least price that a tolerance allows; rounded up: never below what was said."""
    return -(-price_rao * (PPM - tolerance_ppm) // PPM)


def _left(held: int, amount: int, unit: str, *, partly: bool = False) -> str:
    return f"{'at least ' if partly else ''}{format_amount(max(0, held - amount), unit)}"


def _too_much(amount: int, held: int, netuid: int) -> str:
    return f"Only {format_amount(held, unit_of(netuid))} are staked there." if amount > held else ""


def _beyond_limit(beyond: bool, netuid: int, allow_partial: bool) -> str:
    return "" if not beyond or netuid == ROOT_NETUID or allow_partial else _BEYOND


def _no_price(quote: Quote) -> str:
    """A pool without a price gives its α away for nothing that a limit could be set against."""
    return "" if quote.price_before_rao else "This subnet's α has no price now; nothing can be bought there."
