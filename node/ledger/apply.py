"""One transaction: whether it may enter a block, and what it does there.

A transaction that may not enter leaves no trace and blocks that hold it are invalid. One that may enter pays its fee
and uses its nonce; if its call then fails, nothing else of it remains. A coldkey whose swap is announced pays for no
failure and gives no tip: what it holds could else be spent on them, to whoever produces a block.
"""

from collections.abc import Iterable

import msgspec

from node.ledger import errors, fees
from node.ledger.calls import is_free
from node.ledger.context import Context
from node.ledger.dispatch import dispatch
from node.ledger.events import CallFailed
from node.ledger.pallets import accounts, coldkey_swaps, system
from node.ledger.state import StateView
from node.ledger.transaction import Transaction, check_signature, decode_transaction, is_signed, transaction_hash
from node.primitives.crypto import Verifier
from node.primitives.types import Hash, Height, Rao


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """What became of one transaction of a block; `error_code` is "" when it succeeded."""

    transaction_hash: Hash
    ok: bool
    error_code: str
    fee_rao: Rao


class Prepared(msgspec.Struct, frozen=True, gc=False):
    """A transaction of a block under execution, decoded, and whether its signature holds."""

    raw: bytes
    transaction: Transaction
    signed: bool


def prepare(context: Context, raws: Iterable[bytes], genesis_hash: Hash, *, verify: Verifier) -> list[Prepared]:
    """Decode the transactions of a block and check their signatures, up to the first that is malformed or wrong.

    One loop of its own: between other work a signature takes a tenth longer, its tables leave the processor's cache.
    """
    prepared: list[Prepared] = []
    hashes: dict[int, Hash | None] = {}
    for raw in raws:
        try:
            transaction = decode_transaction(raw)
        except errors.TransactionError:
            return prepared
        birth_height = transaction.era.birth_height
        if birth_height not in hashes:
            hashes[birth_height] = system.block_hash_at(context.state, birth_height)
        birth_hash = hashes[birth_height]
        signed = birth_hash is not None and is_signed(transaction, genesis_hash, birth_hash, verify=verify)
        prepared.append(Prepared(raw, transaction, signed))
        if not signed:
            return prepared
    return prepared


def apply_prepared(context: Context, prepared: Prepared) -> Receipt:
    """As `apply_transaction`."""
    nonce, _ = check_place(context.state, context.height, prepared.transaction)
    if not prepared.signed:
        raise errors.BadSignature
    return _apply(context, prepared.transaction, prepared.raw, nonce)


def apply_transaction(context: Context, raw: bytes, genesis_hash: Hash, *, verify: Verifier) -> Receipt:
    """Run one transaction of the block.

    Raises a `TransactionError` leaf if it may not be in the block; nothing is written then.
    """
    transaction = decode_transaction(raw)
    nonce = check_entry(context.state, context.height, transaction, genesis_hash, verify=verify)
    return _apply(context, transaction, raw, nonce)


def check_entry(
    view: StateView, height: Height, transaction: Transaction, genesis_hash: Hash, *, verify: Verifier
) -> int:
    """The sender's next nonce.

    Raises unless era, signature and nonce let the transaction into the block at `height`, now or after a gap closes.
    `view` is the state of that block after its beginning, which knows its parent's hash.
    """
    nonce, birth_hash = check_place(view, height, transaction)
    check_signature(transaction, genesis_hash, birth_hash, verify=verify)
    return nonce


def check_place(view: StateView, height: Height, transaction: Transaction) -> tuple[int, Hash]:
    """As `check_entry`, but for the signature; also returns the hash of the era's block, which is signed."""
    era = transaction.era
    if era.birth_height >= height:
        raise errors.EraNotStarted
    if era.last_height < height:
        raise errors.EraExpired(f"The last block for this transaction was {era.last_height}.")
    nonce = accounts.ACCOUNT.get(view, transaction.sender).nonce
    if transaction.nonce < nonce:
        raise errors.NonceTooLow(f"The sender's next nonce is {nonce}, not {transaction.nonce}.")
    birth_hash = system.block_hash_at(view, era.birth_height)
    if birth_hash is None:
        raise errors.EraExpired
    return nonce, birth_hash


def apply_free(context: Context, transaction: Transaction, identity: Hash) -> Receipt:
    """Run a fee-free transaction. Raises FreeCallFails, and writes nothing, if its call fails."""
    mark, events = context.state.savepoint(), len(context.events)
    accounts.use_nonce(context.state, transaction.sender)
    try:
        dispatch(context, transaction.sender, transaction.call)
    except errors.CallError as error:
        context.state.rollback(mark)
        del context.events[events:]
        raise errors.FreeCallFails(f"{error.code}: {error}") from error
    return Receipt(identity, True, "", Rao(0))


def is_frozen(view: StateView, transaction: Transaction) -> bool:
    """Whether the sender's swap is announced. Raises ColdkeyIsFrozen for anything but a step of the swap, and a tip."""
    if not coldkey_swaps.is_announced(view, transaction.sender):
        return False
    if transaction.tip_rao:
        raise errors.ColdkeyIsFrozen("It gives no tip.")
    try:
        coldkey_swaps.require_free(view, transaction.sender, transaction.call)
    except errors.CallError as error:
        raise errors.ColdkeyIsFrozen(f"{error.code}: {error}") from error
    return True


def _apply_paid(context: Context, transaction: Transaction, raw: bytes) -> Receipt:
    """Run a transaction that pays a fee. Raises CannotPayFee or ColdkeyIsFrozen, and writes nothing then."""
    fee_rao = Rao(fees.size_fee(context.parameters, len(raw)) + transaction.tip_rao)
    identity = transaction_hash(raw)
    frozen = is_frozen(context.state, transaction)
    before = context.state.savepoint()
    fees.charge(context, transaction.sender, fee_rao)
    mark, events = context.state.savepoint(), len(context.events)
    context.fee_waived = False
    try:
        dispatch(context, transaction.sender, transaction.call)
    except errors.CallError as error:
        context.state.rollback(before if frozen else mark)
        del context.events[events:]
        if frozen:
            raise errors.ColdkeyIsFrozen(f"{error.code}: {error}") from error
        context.emit(CallFailed(identity, error.code.encode("ascii")))
        return Receipt(identity, False, error.code, fee_rao)
    if context.fee_waived:
        fees.give_back(context, transaction.sender, Rao(fee_rao - transaction.tip_rao))
        fee_rao = transaction.tip_rao
    return Receipt(identity, True, "", fee_rao)


def _apply(context: Context, transaction: Transaction, raw: bytes, nonce: int) -> Receipt:
    if transaction.nonce != nonce:
        raise errors.NonceTooHigh(f"The sender's next nonce is {nonce}, not {transaction.nonce}.")
    if is_free(transaction.call):
        return apply_free(context, transaction, transaction_hash(raw))
    return _apply_paid(context, transaction, raw)
