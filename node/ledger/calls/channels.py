"""Payment channels: τ locked for one payee, paid out against signed vouchers. See `node.ledger.calls`."""

from typing import Annotated, Final

import msgspec

from node.ledger import errors as e
from node.ledger.calls.base import BY_SIZE, COLD, RAO, U63, Account, CallSpec, HashField, RaoAmount
from node.primitives.codec import Wire
from node.primitives.types import SIGNATURE_BYTES

SignatureField = Annotated[bytes, msgspec.Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)]


class OpenChannel(Wire, frozen=True, tag=90):
    """Lock τ for one payee; vouchers move it there, and what is left comes back when the channel closes."""

    payee: Account
    amount_rao: RaoAmount
    expiry_blocks: U63


class TopUpChannel(Wire, frozen=True, tag=91):
    """Lock more τ in an open channel of the sender."""

    channel: HashField
    amount_rao: RaoAmount


class RedeemVoucher(Wire, frozen=True, tag=92):
    """Pay the payee what a voucher of the payer promises beyond what was paid before; anybody may bring it."""

    channel: HashField
    sequence: U63
    cumulative_rao: RaoAmount
    receipt_digest: HashField
    signature: SignatureField


class CloseChannel(Wire, frozen=True, tag=93):
    """Give what is left back to the payer: at once for the payee; the payer waits for a dispute window."""

    channel: HashField


ChannelsCall = OpenChannel | TopUpChannel | RedeemVoucher | CloseChannel

_CHANNEL = ("channel", "id of the channel, 32 bytes")
SPECS: Final[tuple[CallSpec, ...]] = (
    CallSpec(
        90,
        "open_channel",
        OpenChannel,
        COLD,
        BY_SIZE,
        (("payee", "account, 32 bytes"), RAO, ("expiry_blocks", "lifetime; from then on the payer may close at once")),
        (
            e.ChannelToSelf, e.AmountIsZero, e.ExistentialDeposit, e.ChannelExpiryOutOfBounds, e.TooManyChannels,
            e.InsufficientBalance,
        ),
    ),
    CallSpec(
        91,
        "top_up_channel",
        TopUpChannel,
        COLD,
        BY_SIZE,
        (_CHANNEL, RAO),
        (e.ChannelNotExists, e.NotChannelParty, e.ChannelIsClosing, e.AmountIsZero, e.InsufficientBalance),
    ),
    CallSpec(
        92,
        "redeem_voucher",
        RedeemVoucher,
        COLD,
        BY_SIZE,
        (
            _CHANNEL,
            ("sequence", "number of the voucher"),
            ("cumulative_rao", "τ promised so far in all, in rao"),
            ("receipt_digest", "what it was given for, 32 bytes"),
            ("signature", "of the payer over the voucher, 64 bytes"),
        ),
        (
            e.ChannelNotExists, e.VoucherNotNew, e.VoucherExceedsDeposit, e.InvalidVoucherSignature,
            e.ExistentialDeposit,
        ),
    ),
    CallSpec(
        93,
        "close_channel",
        CloseChannel,
        COLD,
        BY_SIZE,
        (_CHANNEL,),
        (e.ChannelNotExists, e.NotChannelParty, e.ChannelInDispute),
    ),
)  # fmt: skip
