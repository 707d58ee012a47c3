"""Why a call on stake or a pool fails."""

from node.ledger.errors.base import CallError


class AmountTooLow(CallError):
    sentence = "The amount is below the minimum stake."
    remedy = "Use a larger amount; `neurond stake quote` shows what one is worth."


class NotEnoughBalanceToStake(CallError):
    sentence = "The coldkey does not hold that much free balance."
    remedy = "Send the coldkey more τ first; `neurond wallet balance` shows what it holds."


class NotEnoughStakeToWithdraw(CallError):
    sentence = "The position does not hold that much."
    remedy = "`neurond stake list` shows what each position holds."


class HotKeyAccountNotExists(CallError):
    sentence = "Nobody has registered that hotkey."
    remedy = "Check the address, or register the hotkey first with `neurond subnets register`."


class NonAssociatedColdKey(CallError):
    sentence = "That hotkey belongs to another coldkey."
    remedy = "Sign with the coldkey that owns the hotkey, or choose a hotkey of your own."


class InsufficientLiquidity(CallError):
    sentence = "The subnet's pool cannot give anything for this amount."
    remedy = "Use a larger amount, or wait until the pool holds more."


class SlippageTooHigh(CallError):
    sentence = "The whole amount does not fit within the price limit."
    remedy = "Allow a partial fill, loosen the limit or use a smaller amount."


class PriceLimitExceeded(CallError):
    sentence = "The price is already beyond the limit."
    remedy = "Loosen the limit, or wait until the price is within it."


class SwapInputTooLarge(CallError):
    sentence = "The amount is more than 1000 times the pool's reserve."
    remedy = "Use a smaller amount."
