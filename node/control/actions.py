"""How money moves: an intent becomes a draft with a preview, the draft is signed here, sent, and followed.

The keys never leave the process that calls this. A draft tells everything before anything is signed: what is paid,
what comes back, the fee, the price impact, what is left, and why it would fail. Every stake and unstake carries a
price limit. Works over any `Api`, under asyncio or trio: whoever follows a transaction passes in how to sleep.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from node.control.amounts import format_amount, format_ppm
from node.control.api import Api
from node.control.errors import ActionRefused, RequestTimeout
from node.control.limits import FOLLOW_PAUSE_MAX_S, FOLLOW_PAUSE_MIN_S, PRICE_IMPACT_WARNING_PPM
from node.control.schema import Account, ErrorView, Quote, Submitted, TransactionContext, TransactionStatus
from node.ledger import calls
from node.ledger.transaction import Era, Transaction, sign_transaction, transaction_hash
from node.primitives.address import from_ss58, to_ss58
from node.primitives.codec import encode
from node.primitives.crypto import Signer
from node.primitives.errors import AddressError
from node.primitives.types import ROOT_NETUID, SIGNATURE_BYTES, Alpha, Hash, Height, NetUid, Rao

DEFAULT_TOLERANCE_PPM: Final = 10_000
"""A stake or unstake may move the price by 1 % before it stops."""
_PPM: Final = 1_000_000
_FINISHED: Final = ("final", "failed")


@dataclass(frozen=True, slots=True)
class TransferIntent:
    """Send `amount_rao` to the ss58 address `to`."""

    to: str
    amount_rao: int


@dataclass(frozen=True, slots=True)
class StakeIntent:
    """Put `amount_rao` behind `hotkey` (ss58) on a subnet; the price may rise by `tolerance_ppm`."""

    netuid: int
    hotkey: str
    amount_rao: int
    tolerance_ppm: int = DEFAULT_TOLERANCE_PPM
    allow_partial: bool = False


@dataclass(frozen=True, slots=True)
class UnstakeIntent:
    """Take `amount_alpha` (on root: rao) back from `hotkey`; the price may fall by `tolerance_ppm`."""

    netuid: int
    hotkey: str
    amount_alpha: int
    tolerance_ppm: int = DEFAULT_TOLERANCE_PPM
    allow_partial: bool = False


@dataclass(frozen=True, slots=True)
class RegisterIntent:
    """Buy a seat on a subnet for `hotkey` at the burn price."""

    netuid: int
    hotkey: str


@dataclass(frozen=True, slots=True)
class VoteIntent:
    """Vote on proposal `index` (hash as 64 hex digits) for the Senate's seat of `hotkey` (ss58)."""

    index: int
    proposal: str
    hotkey: str
    approve: bool


@dataclass(frozen=True, slots=True)
class CloseIntent:
    """Count proposal `index` (hash as 64 hex digits) and carry it out if it is approved."""

    index: int
    proposal: str


Intent = TransferIntent | StakeIntent | UnstakeIntent | RegisterIntent | VoteIntent | CloseIntent


@dataclass(frozen=True, slots=True)
class Draft:
    """A transaction ready to be signed, and all that can be said of it beforehand.

    `lines` are (label, text) for people. `pays_rao` leaves the balance besides the fee; `gets_rao` and `gets_alpha`
    are what the quote promises. `refusal` says why it would fail; such a draft cannot be signed.
    """

    title: str
    sender: str
    call: calls.Call
    nonce: int
    context: TransactionContext
    fee_rao: int
    pays_rao: int
    gets_rao: int
    gets_alpha: int
    impact_ppm: int | None
    balance_after_rao: int
    lines: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    refusal: ErrorView | None


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed transaction and its identity, 64 hex digits."""

    raw: bytes
    transaction_hash: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What an intent means, before the fee and the balance are known."""

    title: str
    call: calls.Call
    lines: tuple[tuple[str, str], ...]
    pays_rao: int = 0
    gets_rao: int = 0
    gets_alpha: int = 0
    impact_ppm: int | None = None
    refusal: str = ""


async def prepare(api: Api, intent: Intent, sender: str) -> Draft:
    """Return the draft of `intent` for the coldkey `sender` (ss58), at the chain's present state.

    Raises:
        AddressError: an address of the intent is none. RemoteError: the node cannot quote it.
    """
    account = await api.account(sender)
    context = await api.tx_context()
    match intent:
        case TransferIntent():
            effect = _transfer(intent, sender)
        case StakeIntent():
            effect = _stake(intent, await api.quote_stake(intent.netuid, intent.amount_rao))
        case UnstakeIntent():
            effect = _unstake(intent, await api.quote_unstake(intent.netuid, intent.amount_alpha), account)
        case RegisterIntent():
            effect = await _register(api, intent)
        case VoteIntent() | CloseIntent():
            effect = await _govern(api, intent, sender)
    return make_draft(effect, account, context)


def make_draft(effect: Effect, account: Account, context: TransactionContext, nonce: int | None = None) -> Draft:
    """Return the draft of one effect, with its fee, its balance afterwards and what speaks against it."""
    number = account.nonce if nonce is None else nonce
    fee_rao = fee_of(effect.call, account.address, number, context)
    spare_rao = account.balance_rao - effect.pays_rao - fee_rao
    refusal = effect.refusal
    if not refusal and spare_rao < 0:
        refusal = f"{format_amount(-spare_rao)} are missing: the balance is {format_amount(account.balance_rao)}."
    warnings = []
    if effect.impact_ppm is not None and effect.impact_ppm >= PRICE_IMPACT_WARNING_PPM:
        warnings.append(f"The pool is small: this moves the price by {format_ppm(effect.impact_ppm)} against you.")
    after_rao = spare_rao + effect.gets_rao
    lines = (*effect.lines, ("fee", format_amount(fee_rao)), ("balance afterwards", format_amount(after_rao)))
    return Draft(
        effect.title, account.address, effect.call, number, context, fee_rao, effect.pays_rao, effect.gets_rao,
        effect.gets_alpha, effect.impact_ppm, after_rao, lines, tuple(warnings),
        ErrorView(ActionRefused.code, refusal) if refusal else None,
    )  # fmt: skip


def fee_of(call: calls.Call, sender: str, nonce: int, context: TransactionContext) -> int:
    """Return the fee in rao that `call` will cost, from the size it will have when signed."""
    if calls.is_free(call):
        return 0
    era = Era(Height(context.era_height), context.era_blocks)
    unsigned = Transaction(1, from_ss58(sender), nonce, era, Rao(0), call, 0, bytes(SIGNATURE_BYTES))
    return context.base_fee_rao + context.fee_rao_per_byte * len(encode(unsigned))


def sign(draft: Draft, signer: Signer) -> Signed:
    """Return the signed transaction.

    Raises:
        ActionRefused: the draft says that it would fail, or the key is another one than the sender's.
    """
    if draft.refusal is not None:
        raise ActionRefused(draft.refusal.message, remedy=draft.refusal.hint)
    if to_ss58(signer.public) != draft.sender:
        raise ActionRefused(
            f"This key is {to_ss58(signer.public)}, but {draft.sender} must sign.", remedy="Unlock the other wallet."
        )
    context = draft.context
    raw = sign_transaction(
        signer,
        draft.call,
        nonce=draft.nonce,
        birth_height=Height(context.era_height),
        birth_hash=Hash(bytes.fromhex(context.era_hash)),
        genesis_hash=Hash(bytes.fromhex(context.genesis_hash)),
        period_blocks=context.era_blocks,
    )
    return Signed(raw, transaction_hash(raw).hex())


async def submit(api: Api, signed: Signed) -> Submitted:
    """Hand the transaction to the node; RemoteError when it refuses."""
    return await api.tx_submit(signed.raw)


async def follow(
    api: Api,
    signed: Signed,
    context: TransactionContext,
    sleep: Callable[[float], Awaitable[object]],
) -> AsyncIterator[TransactionStatus]:
    """Yield the transaction's status whenever it changes, the last time when it is final or has failed.

    Raises:
        RequestTimeout: its era has passed and then as long again, and the node still cannot tell.
    """
    pause_s = min(max(context.slot_ms / 4000, FOLLOW_PAUSE_MIN_S), FOLLOW_PAUSE_MAX_S)
    patience = 2 * context.era_blocks * context.slot_ms / 1000
    shown: TransactionStatus | None = None
    waited_s = 0.0
    while waited_s <= patience:
        status = await api.tx_status(signed.transaction_hash)
        if status != shown:
            shown = status
            yield status
        if status.state in _FINISHED:
            return
        await sleep(pause_s)
        waited_s += pause_s
    raise RequestTimeout(
        f"Transaction {signed.transaction_hash} is neither final nor refused after {waited_s:.0f} s.",
        remedy="Ask again later; it can still enter the chain only within its era.",
    )


def _transfer(intent: TransferIntent, sender: str) -> Effect:
    to = from_ss58(intent.to)
    refusal = "Sender and receiver are the same account." if intent.to == sender else ""
    return Effect(
        f"Transfer {format_amount(intent.amount_rao)}",
        calls.Transfer(to, Rao(intent.amount_rao)),
        (("to", intent.to), ("amount", format_amount(intent.amount_rao))),
        pays_rao=intent.amount_rao,
        refusal=refusal,
    )


def _stake(intent: StakeIntent, quote: Quote) -> Effect:
    hotkey, netuid, amount = from_ss58(intent.hotkey), NetUid(intent.netuid), Rao(intent.amount_rao)
    limit = quote.price_before_rao * (_PPM + intent.tolerance_ppm) // _PPM  # rounded down: never above what was said
    call: calls.Call = calls.AddStakeLimit(hotkey, netuid, amount, limit, intent.allow_partial)
    if netuid == ROOT_NETUID:
        call = calls.AddStake(hotkey, netuid, amount)
    gets = format_amount(quote.amount_alpha, unit_of(netuid))
    return Effect(
        f"Stake {format_amount(amount)} on subnet {netuid}",
        call,
        _swap_lines(intent.hotkey, format_amount(amount), gets, quote, limit),
        pays_rao=amount,
        gets_alpha=quote.amount_alpha,
        impact_ppm=quote.impact_ppm,
        refusal=_beyond_limit(quote.price_after_rao > limit, netuid, intent.allow_partial),
    )


def _unstake(intent: UnstakeIntent, quote: Quote, account: Account) -> Effect:
    hotkey, netuid, amount = from_ss58(intent.hotkey), NetUid(intent.netuid), Alpha(intent.amount_alpha)
    limit = -(-quote.price_before_rao * (_PPM - intent.tolerance_ppm) // _PPM)  # rounded up: never below what was said
    call: calls.Call = calls.RemoveStakeLimit(hotkey, netuid, amount, limit, intent.allow_partial)
    if netuid == ROOT_NETUID:
        call = calls.RemoveStake(hotkey, netuid, amount)
    held = sum(s.stake_alpha for s in account.stakes if s.netuid == netuid and s.hotkey == intent.hotkey)
    refusal = _beyond_limit(quote.price_after_rao < limit, netuid, intent.allow_partial)
    if amount > held:
        refusal = f"Only {format_amount(held, unit_of(netuid))} are staked there."
    return Effect(
        f"Unstake {format_amount(amount, unit_of(netuid))} from subnet {netuid}",
        call,
        _swap_lines(intent.hotkey, format_amount(amount, unit_of(netuid)), format_amount(quote.tao_rao), quote, limit),
        gets_rao=quote.tao_rao,
        impact_ppm=quote.impact_ppm,
        refusal=refusal,
    )


async def _register(api: Api, intent: RegisterIntent) -> Effect:
    subnet = next((each for each in await api.subnets() if each.netuid == intent.netuid), None)
    if subnet is None:
        raise ActionRefused(f"There is no subnet {intent.netuid}.", remedy="See `neurond subnets list`.")
    return Effect(
        f"Register on subnet {intent.netuid}",
        calls.BurnedRegister(NetUid(intent.netuid), from_ss58(intent.hotkey)),
        (("hotkey", intent.hotkey), ("burned", format_amount(subnet.burn_rao))),
        pays_rao=subnet.burn_rao,
    )


async def _govern(api: Api, intent: VoteIntent | CloseIntent, sender: str) -> Effect:
    proposal = Hash(bytes.fromhex(intent.proposal))
    lines: tuple[tuple[str, str], ...]
    if isinstance(intent, VoteIntent):
        word = "for" if intent.approve else "against"
        call: calls.Call = calls.Vote(from_ss58(intent.hotkey), proposal, intent.index, intent.approve)
        title, lines = f"Vote {word} proposal {intent.index}", (("vote", word), ("seat of", intent.hotkey))
    else:
        call, title = calls.CloseProposal(proposal, intent.index), f"Close proposal {intent.index}"
        lines = (("proposal", str(intent.index)),)
    preview = await api.tx_preview(sender, encode(call))
    refusal = "" if preview.error is None else f"{preview.error.message} {preview.error.hint}".strip()
    return Effect(title, call, (*lines, ("would do", ", ".join(preview.events) or "nothing")), refusal=refusal)


def _swap_lines(hotkey: str, pays: str, gets: str, quote: Quote, limit_rao: int) -> tuple[tuple[str, str], ...]:
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


def _beyond_limit(beyond: bool, netuid: int, allow_partial: bool) -> str:
    if not beyond or netuid == ROOT_NETUID or allow_partial:
        return ""
    return "This would move the price beyond the limit. Take a smaller amount or a higher tolerance."


def checked_address(text: str) -> str:
    """Return `text` if it is an address of this network. Raises ActionRefused with what is wrong about it."""
    try:
        from_ss58(text)
    except AddressError as error:
        raise ActionRefused(error.message, remedy=error.hint) from error
    return text


def unit_of(netuid: int) -> str:
    """Return the letter of what is staked on a subnet: τ on root, α elsewhere."""
    return "τ" if netuid == ROOT_NETUID else "α"
