"""Payment channels: one transaction locks τ, vouchers pass off chain, one transaction redeems the last of them.

The payee closes at once. The payer announces the close and waits for the dispute window, in which the payee can bring
its last voucher; from the channel's expiry on it need not wait. Locked τ stays in the issuance. Vouchers hold for the
key that signed them, but what is paid and given back goes to whoever has that account's place, so that a swap of a
stolen coldkey saves it. Source: docs/protocol.md, "Channels".
"""

from typing import Final

from node.ledger import errors
from node.ledger.calls import CloseChannel, OpenChannel, RedeemVoucher, TopUpChannel
from node.ledger.context import Context
from node.ledger.events import ChannelClosed, ChannelClosing, ChannelOpened, ChannelToppedUp, VoucherRedeemed
from node.ledger.pallets import accounts, system
from node.ledger.state import IndexedList, Map, Overlay, StateView
from node.ledger.vouchers import Voucher, channel_id, voucher_message
from node.primitives.codec import Wire
from node.primitives.limits import CHANNEL_EXPIRY_BLOCKS_MAX, CHANNELS_PER_PAYER_MAX
from node.primitives.types import AccountId, Hash, Height, Rao


class Channel(Wire, frozen=True):
    """An open channel: what was ever put in, what of it was paid out; `closes` is 0 while the payer is not closing."""

    payer: AccountId
    payee: AccountId
    deposit_rao: Rao
    redeemed_rao: Rao
    expires: Height
    closes: Height = Height(0)

    @property
    def locked_rao(self) -> Rao:
        """What the channel holds."""
        return Rao(self.deposit_rao - self.redeemed_rao)


CHANNEL: Final[Map[Hash, Channel]] = Map("channels", "channel", Hash, Channel, about="An open channel")
OPENED: Final[Map[AccountId, int]] = Map(
    "channels", "opened", AccountId, int, default=0, about="How many channels an account ever opened"
)
BY_PAYER: Final[IndexedList[AccountId, Hash]] = IndexedList(
    "channels", "by_payer", AccountId, Hash, about="Open channels of a payer"
)
BY_PAYEE: Final[IndexedList[AccountId, Hash]] = IndexedList(
    "channels", "by_payee", AccountId, Hash, about="Open channels to a payee"
)


def open_channel(context: Context, sender: AccountId, call: OpenChannel) -> None:
    """Lock τ for one payee."""
    overlay, parameters = context.state, context.parameters
    if call.payee == sender:
        raise errors.ChannelToSelf
    if call.amount_rao == 0:
        raise errors.AmountIsZero
    if call.amount_rao < parameters.existential_deposit_rao:
        raise errors.ExistentialDeposit(f"A channel holds at least {parameters.existential_deposit_rao} rao.")
    if not parameters.channel_dispute_blocks <= call.expiry_blocks <= CHANNEL_EXPIRY_BLOCKS_MAX:
        raise errors.ChannelExpiryOutOfBounds(
            f"A channel lives {parameters.channel_dispute_blocks} to {CHANNEL_EXPIRY_BLOCKS_MAX} blocks."
        )
    if BY_PAYER.count(overlay, sender) >= CHANNELS_PER_PAYER_MAX:
        raise errors.TooManyChannels
    accounts.debit(overlay, sender, call.amount_rao)
    number = OPENED.get(overlay, sender)
    identity, expires = channel_id(sender, call.payee, number), Height(context.height + call.expiry_blocks)
    OPENED.put(overlay, sender, number + 1)
    CHANNEL.put(overlay, identity, Channel(sender, call.payee, call.amount_rao, Rao(0), expires))
    BY_PAYER.add(overlay, sender, identity)
    BY_PAYEE.add(overlay, call.payee, identity)
    context.emit(ChannelOpened(identity, sender, call.payee, call.amount_rao, expires))


def top_up(context: Context, sender: AccountId, call: TopUpChannel) -> None:
    """Lock more in a channel that is not closing."""
    overlay, channel = context.state, _require(context.state, call.channel)
    if channel.payer != sender:
        raise errors.NotChannelParty("Only the payer tops a channel up.")
    if channel.closes:
        raise errors.ChannelIsClosing
    if call.amount_rao == 0:
        raise errors.AmountIsZero
    accounts.debit(overlay, sender, call.amount_rao)
    _change(overlay, call.channel, channel, deposit_rao=channel.deposit_rao + call.amount_rao)
    context.emit(ChannelToppedUp(call.channel, call.amount_rao))


def redeem(context: Context, call: RedeemVoucher) -> None:
    """Pay what a voucher promises beyond what was paid; the payee gets it, whoever brings it."""
    overlay, channel = context.state, _require(context.state, call.channel)
    if call.cumulative_rao <= channel.redeemed_rao:
        raise errors.VoucherNotNew(f"{channel.redeemed_rao} rao were paid already.")
    if call.cumulative_rao > channel.deposit_rao:
        raise errors.VoucherExceedsDeposit(f"The channel was given {channel.deposit_rao} rao in all.")
    voucher = Voucher(call.channel, call.sequence, call.cumulative_rao, call.receipt_digest)
    message = voucher_message(system.GENESIS_HASH.get(overlay), voucher)
    if not context.verify(channel.payer, message, call.signature):
        raise errors.InvalidVoucherSignature
    amount_rao = Rao(call.cumulative_rao - channel.redeemed_rao)
    least_rao = context.parameters.existential_deposit_rao
    payee = accounts.heir(overlay, channel.payee)
    if amount_rao < least_rao and not accounts.ACCOUNT.has(overlay, payee):
        raise errors.ExistentialDeposit(f"The payee's account is new and needs at least {least_rao} rao.")
    _change(overlay, call.channel, channel, redeemed_rao=call.cumulative_rao)
    accounts.credit(overlay, payee, amount_rao)
    context.emit(VoucherRedeemed(call.channel, amount_rao, call.cumulative_rao))


def close(context: Context, sender: AccountId, call: CloseChannel) -> None:
    """Close a channel, or begin to."""
    overlay, channel = context.state, _require(context.state, call.channel)
    payers = (channel.payer, accounts.heir(overlay, channel.payer))
    payees = (channel.payee, accounts.heir(overlay, channel.payee))
    if sender not in (*payers, *payees):
        raise errors.NotChannelParty("Only payer and payee close a channel.")
    due = channel.closes or channel.expires
    if sender in payees or context.height >= due:
        _settle(context, call.channel, channel)
        return
    if channel.closes:
        raise errors.ChannelInDispute(f"The channel can be closed from block {channel.closes}.")
    closes = Height(min(channel.expires, context.height + context.parameters.channel_dispute_blocks))
    _change(overlay, call.channel, channel, closes=closes)
    context.emit(ChannelClosing(call.channel, closes))


def _require(view: StateView, identity: Hash) -> Channel:
    channel = CHANNEL.find(view, identity)
    if channel is None:
        raise errors.ChannelNotExists
    return channel


def _change(
    overlay: Overlay,
    identity: Hash,
    old: Channel,
    *,
    deposit_rao: int | None = None,
    redeemed_rao: int | None = None,
    closes: Height | None = None,
) -> None:
    new = Channel(
        old.payer,
        old.payee,
        old.deposit_rao if deposit_rao is None else Rao(deposit_rao),
        old.redeemed_rao if redeemed_rao is None else Rao(redeemed_rao),
        old.expires,
        old.closes if closes is None else closes,
    )
    CHANNEL.put(overlay, identity, new)


def _settle(context: Context, identity: Hash, channel: Channel) -> None:
    overlay = context.state
    CHANNEL.delete(overlay, identity)
    BY_PAYER.remove(overlay, channel.payer, identity)
    BY_PAYEE.remove(overlay, channel.payee, identity)
    accounts.credit(overlay, accounts.heir(overlay, channel.payer), channel.locked_rao)
    context.emit(ChannelClosed(identity, channel.locked_rao))
