"""Why a call on stake or a pool fails."""

from node.ledger.errors.base import CallError


class AmountTooLow(CallError):
    sentence = "The amount is below the minimum stake."


class NotEnoughBalanceToStake(CallError):
    sentence = "The coldkey does not hold that much free balance."


class NotEnoughStakeToWithdraw(CallError):
    sentence = "The position does not hold that much."


class HotKeyAccountNotExists(CallError):
    sentence = "Nobody has registered that hotkey."


class NonAssociatedColdKey(CallError):
    sentence = "That hotkey belongs to another coldkey."


class InsufficientLiquidity(CallError):
    sentence = "The subnet's pool cannot give anything for this amount."


class SlippageTooHigh(CallError):
    sentence = "The whole amount does not fit within the price limit."
    remedy = "Allow a partial fill, loosen the limit or use a smaller amount."


class PriceLimitExceeded(CallError):
    sentence = "The price is already beyond the limit."


class SwapInputTooLarge(CallError):
    sentence = "The amount is more than 1000 times the pool's reserve."
