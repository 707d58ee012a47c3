"""Why a call on a payment channel fails."""

from node.ledger.errors.base import CallError


class ChannelToSelf(CallError):
    sentence = "A channel pays somebody else."
    remedy = "Name another account as payee."


class ChannelExpiryOutOfBounds(CallError):
    sentence = "The lifetime of a channel is at least the dispute window, and has a bound."
    remedy = "Choose a lifetime within the bounds that the message names."


class TooManyChannels(CallError):
    sentence = "The account has as many open channels as it may have."
    remedy = "Close one."


class ChannelNotExists(CallError):
    sentence = "There is no such channel, or it is closed."
    remedy = "Check the channel's identity, or open a new one with open_channel."


class NotChannelParty(CallError):
    sentence = "The account is not the one that may do this with the channel."
    remedy = "Sign with the key of the party that the message names."


class ChannelIsClosing(CallError):
    sentence = "The payer is closing this channel."
    remedy = "Open a new channel."


class ChannelInDispute(CallError):
    sentence = "The payee still has time to bring its last voucher."
    remedy = "Close it from the block on that the message names."


class VoucherNotNew(CallError):
    sentence = "The voucher promises no more than was paid already."
    remedy = "Bring a voucher over a larger sum."


class VoucherExceedsDeposit(CallError):
    sentence = "The voucher promises more than the channel holds."
    remedy = "Have the payer top the channel up, or bring an earlier voucher."


class InvalidVoucherSignature(CallError):
    sentence = "The payer did not sign this voucher."
    remedy = "Ask the payer to sign it again, for this channel and this network."
