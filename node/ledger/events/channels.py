"""Events of payment channels and committed roots. See `node.ledger.events`."""

from node.primitives.codec import Wire
from node.primitives.types import AccountId, Hash, Height, NetUid, Rao


class ChannelOpened(Wire, frozen=True, tag=92):
    """τ was locked for a payee."""

    channel: Hash
    payer: AccountId
    payee: AccountId
    amount_rao: Rao
    expires: Height


class ChannelToppedUp(Wire, frozen=True, tag=93):
    """More τ was locked in a channel."""

    channel: Hash
    amount_rao: Rao


class VoucherRedeemed(Wire, frozen=True, tag=94):
    """A voucher moved τ to the payee."""

    channel: Hash
    amount_rao: Rao
    cumulative_rao: Rao


class ChannelClosing(Wire, frozen=True, tag=95):
    """The payer closes its channel; the payee can bring its last voucher before block `due`."""

    channel: Hash
    due: Height


class ChannelClosed(Wire, frozen=True, tag=96):
    """What was left of a channel went back to the payer."""

    channel: Hash
    refund_rao: Rao


class ReceiptRootCommitted(Wire, frozen=True, tag=97):
    """A neuron committed to an epoch's receipts."""

    netuid: NetUid
    hotkey: AccountId
    epoch: int
    root: Hash


class IndexRootCommitted(Wire, frozen=True, tag=98):
    """A neuron committed to an index of data."""

    netuid: NetUid
    hotkey: AccountId
    root: Hash


ChannelsEvent = ChannelOpened | ChannelToppedUp | VoucherRedeemed | ChannelClosing | ChannelClosed
RootsEvent = ReceiptRootCommitted | IndexRootCommitted
