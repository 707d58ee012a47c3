"""Vouchers: promises of a channel's payer, each for all that it owes so far, so that only the last one counts.

A voucher binds the network, the channel (and with it payer and payee) and what it was given for. Source:
docs/protocol.md, "Channels".
"""

from node.primitives.codec import Wire, encode
from node.primitives.crypto import Signer, digest
from node.primitives.types import AccountId, Hash, Rao


class Voucher(Wire, frozen=True):
    """A promise: `cumulative_rao` in all since the channel was opened; `sequence` is for those who keep vouchers."""

    channel: Hash
    sequence: int
    cumulative_rao: Rao
    receipt_digest: Hash


def channel_id(payer: AccountId, payee: AccountId, number: int) -> Hash:
    """The id of a payer's channel; `number` counts the channels it ever opened, from 0."""
    return digest("channel", payer, payee, number.to_bytes(8, "big"))


def voucher_message(genesis_hash: Hash, voucher: Voucher) -> Hash:
    """The 32 bytes that the payer signs."""
    return digest("voucher", genesis_hash, encode(voucher))


def sign_voucher(signer: Signer, genesis_hash: Hash, voucher: Voucher) -> bytes:
    """The payer's signature over a voucher."""
    return signer.sign(voucher_message(genesis_hash, voucher))
