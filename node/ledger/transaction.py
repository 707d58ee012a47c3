"""Transactions: one signed call with a nonce, a lifetime and a tip.

What is signed binds the network (genesis hash), the rules (spec version) and a recent block of the sender's chain (era
hash); none of the three is sent. There are no immortal transactions and no unsigned ones. Rules: docs/protocol.md,
"Transactions".
"""

from typing import Annotated, Final

import msgspec

from node.ledger import errors
from node.ledger.calls import U63, Account, Call, RaoAmount, is_free
from node.primitives.codec import Wire, decode_canonical, encode
from node.primitives.crypto import Signer, Verifier, digest
from node.primitives.errors import DecodeError
from node.primitives.limits import ERA_PERIOD_BLOCKS_MAX, TRANSACTION_BYTES_MAX
from node.primitives.types import SIGNATURE_BYTES, Hash, Height, Rao

TRANSACTION_VERSION: Final = 1
SPEC_VERSION: Final = 1
"""Version of the rules; it is signed, so a transaction never means something else after they change."""
SCHEME_ED25519: Final = 0
ERA_PERIOD_DEFAULT_BLOCKS: Final = 64
NO_TIP: Final = Rao(0)

HeightField = Annotated[Height, msgspec.Meta(ge=0)]


class Era(Wire, frozen=True):
    """A lifetime: includable in blocks birth_height + 1 to birth_height + period_blocks."""

    birth_height: HeightField
    period_blocks: U63

    @property
    def last_height(self) -> Height:
        """The last block that may include the transaction."""
        return Height(self.birth_height + self.period_blocks)


class Transaction(Wire, frozen=True):
    """A signed call."""

    version: int
    sender: Account
    nonce: U63
    era: Era
    tip_rao: RaoAmount
    call: Call
    scheme: int
    signature: bytes


def signing_digest(genesis_hash: Hash, era_block_hash: Hash, transaction: Transaction) -> Hash:
    """The 32 bytes that the sender signs: everything but the signature, and what is not sent."""
    body = (
        transaction.version, transaction.sender, transaction.nonce, transaction.era, transaction.tip_rao,
        transaction.call, transaction.scheme,
    )  # fmt: skip
    return digest("tx", genesis_hash, SPEC_VERSION.to_bytes(4, "big"), era_block_hash, encode(body))


def sign_transaction(
    signer: Signer,
    call: Call,
    *,
    nonce: int,
    birth_height: Height,
    birth_hash: Hash,
    genesis_hash: Hash,
    period_blocks: int = ERA_PERIOD_DEFAULT_BLOCKS,
    tip_rao: Rao = NO_TIP,
) -> bytes:
    """The canonical bytes of `call` signed by `signer`.

    `birth_height` and `birth_hash` name a recent block of the chain; `nonce` is the account's next one.
    """
    era = Era(birth_height, period_blocks)
    unsigned = Transaction(
        TRANSACTION_VERSION, signer.public, nonce, era, tip_rao, call, SCHEME_ED25519, bytes(SIGNATURE_BYTES)
    )
    signature = signer.sign(signing_digest(genesis_hash, birth_hash, unsigned))
    return encode(msgspec.structs.replace(unsigned, signature=signature))


def transaction_hash(raw: bytes) -> Hash:
    """The identity of a transaction: the hash of its signed bytes."""
    return digest("tx-hash", raw)


def decode_transaction(raw: bytes) -> Transaction:
    """The well-formed transaction in `raw`; says nothing about its signature or its chances.

    Raises TransactionMalformed, UnknownTransactionVersion, UnknownSignatureScheme, EraInvalid or TipOnFreeCall.
    """
    try:
        transaction = decode_canonical(Transaction, raw, max_bytes=TRANSACTION_BYTES_MAX)
    except DecodeError as error:
        raise errors.TransactionMalformed(error.message) from error
    if transaction.version != TRANSACTION_VERSION:
        raise errors.UnknownTransactionVersion(f"This node does not know transaction version {transaction.version}.")
    if transaction.scheme != SCHEME_ED25519:
        raise errors.UnknownSignatureScheme(f"This chain does not know signature scheme {transaction.scheme}.")
    if len(transaction.signature) != SIGNATURE_BYTES:
        raise errors.TransactionMalformed(f"A signature has {SIGNATURE_BYTES} bytes.")
    if not 1 <= transaction.era.period_blocks <= ERA_PERIOD_BLOCKS_MAX:
        raise errors.EraInvalid(f"A transaction lives 1 to {ERA_PERIOD_BLOCKS_MAX} blocks.")
    if transaction.tip_rao and is_free(transaction.call):
        raise errors.TipOnFreeCall
    return transaction


def is_signed(transaction: Transaction, genesis_hash: Hash, era_block_hash: Hash, *, verify: Verifier) -> bool:
    """Tell whether the sender signed this transaction for this network."""
    message = signing_digest(genesis_hash, era_block_hash, transaction)
    return verify(transaction.sender, message, transaction.signature)


def check_signature(transaction: Transaction, genesis_hash: Hash, era_block_hash: Hash, *, verify: Verifier) -> None:
    """Raise BadSignature unless the sender signed this transaction for this network."""
    if not is_signed(transaction, genesis_hash, era_block_hash, verify=verify):
        raise errors.BadSignature
