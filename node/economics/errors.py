"""What the market's arithmetic refuses; leaves of the node's error tree.

EconomicsError
├── MissingHotkeyError    a distribution names a hotkey it has no snapshot of
├── EpochInputError       an epoch's vectors do not fit together
└── SwapError             a swap that a pool refuses
    ├── ReservesTooLowError      the pool is too small to trade, or the output would round to zero
    ├── PriceLimitError          the price is already beyond the limit
    ├── SwapInputTooLargeError   more than 1 000 times the input reserve
    ├── PoolWeightError          liquidity would push the pool's weights out of bounds
    └── SlippageError            the whole amount does not fit within the limit
"""

from node.primitives.errors import NodeError


class EconomicsError(NodeError):
    """An input that the market's arithmetic refuses."""

    code = "economics_error"


class MissingHotkeyError(EconomicsError):
    """A hotkey is named that no snapshot describes."""

    code = "missing_hotkey"
    remedy = "Pass a snapshot for every earning hotkey and for each of its parents."


class EpochInputError(EconomicsError):
    """The vectors of an epoch have different lengths or hold an uid that does not exist."""

    code = "epoch_input"
    remedy = "Give every vector one entry per uid, and uids below that number."


class SwapError(EconomicsError):
    """A swap that a pool refuses."""

    code = "swap_error"


class ReservesTooLowError(SwapError):
    """The pool cannot give anything for this input."""

    code = "reserves_too_low"
    remedy = "Try a larger amount, or wait until the pool holds more."


class PriceLimitError(SwapError):
    """The spot price is already beyond the limit."""

    code = "price_limit_exceeded"
    remedy = "Set a limit on the other side of the current price."


class SwapInputTooLargeError(SwapError):
    """More than 1 000 times the input reserve."""

    code = "swap_input_too_large"
    remedy = "Swap a smaller amount."


class PoolWeightError(SwapError):
    """Added liquidity would move a pool weight out of [1 %, 99 %]."""

    code = "pool_weight"
    remedy = "Add both tokens nearer to the pool's price."


class SlippageError(SwapError):
    """The whole amount does not fit within the price limit."""

    code = "slippage_too_high"
    remedy = "Allow a partial fill, loosen the limit or swap less."
