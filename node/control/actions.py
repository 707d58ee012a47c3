"""How money moves: an intent becomes a draft with a preview, the draft is signed here, sent, and followed.

The keys never leave the process that calls this. A draft tells everything before anything is signed: what is paid,
what comes back, the fee, the price impact, what is left, and why it would fail. Every stake and unstake carries a
price limit. Works over any `Api`, under asyncio or trio: whoever follows a transaction passes in how to sleep.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from node.control.amounts import format_amount, format_ppm, unit_of
from node.control.api import Api
from node.control.effects import Effect, checked_address, govern, register, transfer
from node.control.errors import ActionRefused, RequestTimeout
from node.control.intents import (
    DEFAULT_TOLERANCE_PPM,
    CloseIntent,
    Intent,
    MoveIntent,
    RegisterIntent,
    StakeIntent,
    SwapIntent,
    TransferIntent,
    TransferStakeIntent,
    UnstakeAllIntent,
    UnstakeIntent,
    VoteIntent,
)
from node.control.limits import FOLLOW_PAUSE_MAX_S, FOLLOW_PAUSE_MIN_S, PRICE_IMPACT_WARNING_PPM
from node.control.schema import Account, ErrorView, Submitted, TransactionContext, TransactionStatus
from node.control.stake_effects import stake_effect
from node.ledger import calls
from node.ledger.transaction import Era, Transaction, sign_transaction, transaction_hash
from node.primitives.address import from_ss58, to_ss58
from node.primitives.codec import encode
from node.primitives.crypto import Signer
from node.primitives.types import SIGNATURE_BYTES, Hash, Height, Rao

__all__ = [
    "DEFAULT_TOLERANCE_PPM",
    "CloseIntent",
    "Draft",
    "Effect",
    "Intent",
    "MoveIntent",
    "RegisterIntent",
    "Signed",
    "StakeIntent",
    "SwapIntent",
    "TransferIntent",
    "TransferStakeIntent",
    "UnstakeAllIntent",
    "UnstakeIntent",
    "VoteIntent",
    "checked_address",
    "fee_of",
    "follow",
    "make_draft",
    "prepare",
    "sign",
    "submit",
    "unit_of",
]
_FINISHED: Final = ("final", "failed")


@dataclass(frozen=True, slots=True)
class Draft:
    """A transaction ready to be signed, and all that can be said of it beforehand.

    `lines` are (label, text) for people. `pays_rao` leaves the balance besides the fee; `gets_rao` and `gets_alpha`
    are what the quote promises; `worth_rao` is what stake that only changes its place is worth. `refusal` says why it
    would fail; such a draft cannot be signed.
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
    worth_rao: int = 0


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed transaction and its identity, 64 hex digits."""

    raw: bytes
    transaction_hash: str


async def prepare(api: Api, intent: Intent, sender: str) -> Draft:
    """Return the draft of `intent` for the coldkey `sender` (ss58), at the chain's present state.

    Raises:
        AddressError: an address of the intent is none. RemoteError: the node cannot quote it.
    """
    account = await api.account(sender)
    context = await api.tx_context()
    match intent:
        case TransferIntent():
            effect = transfer(intent, sender)
        case RegisterIntent():
            effect = await register(api, intent)
        case VoteIntent() | CloseIntent():
            effect = await govern(api, intent, sender)
        case _:
            effect = await stake_effect(api, intent, account)
    return make_draft(effect, account, context)


def make_draft(effect: Effect, account: Account, context: TransactionContext, nonce: int | None = None) -> Draft:
    """Return the draft of one effect, with its fee, its balance afterwards and what speaks against it."""
    number = account.nonce if nonce is None else nonce
    fee_rao = fee_of(effect.call, account.address, number, context)
    spare_rao = account.balance_rao - effect.pays_rao - fee_rao
    refusal = effect.refusal
    if not refusal and spare_rao < 0:
        refusal = f"{format_amount(-spare_rao)} are missing: the balance is {format_amount(account.balance_rao)}."
    warnings = list(effect.warnings)
    if effect.impact_ppm is not None and effect.impact_ppm >= PRICE_IMPACT_WARNING_PPM:
        warnings.append(f"The pool is small: this moves the price by {format_ppm(effect.impact_ppm)} against you.")
    after_rao = spare_rao + effect.gets_rao
    lines = (*effect.lines, ("fee", format_amount(fee_rao)), ("balance afterwards", format_amount(after_rao)))
    return Draft(
        effect.title, account.address, effect.call, number, context, fee_rao, effect.pays_rao, effect.gets_rao,
        effect.gets_alpha, effect.impact_ppm, after_rao, lines, tuple(warnings),
        ErrorView(ActionRefused.code, refusal) if refusal else None, effect.worth_rao,
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
