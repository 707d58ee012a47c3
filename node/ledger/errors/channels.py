"""Why a call on a payment channel fails."""

from node.ledger.errors.base import CallError


class ChannelToSelf(CallError):
    sentence = "A channel pays somebody else."


class ChannelExpiryOutOfBounds(CallError):
    sentence = "The lifetime of a channel is at least the dispute window, and has a bound."


class TooManyChannels(CallError):
    sentence = "The account has as many open channels as it may have."
    remedy = "Close one."


class ChannelNotExists(CallError):
    sentence = "There is no such channel, or it is closed."


class NotChannelParty(CallError):
    sentence = "The account is not the one that may do this with the channel."


class ChannelIsClosing(CallError):
    sentence = "The payer is closing this channel."


class ChannelInDispute(CallError):
    sentence = "The payee still has time to bring its last voucher."


class VoucherNotNew(CallError):
    sentence = "The voucher promises no more than was paid already."


class VoucherExceedsDeposit(CallError):
    sentence = "The voucher promises more than the channel holds."


class InvalidVoucherSignature(CallError):
    sentence = "The payer did not sign this voucher."
