"""Takes: the part of its dividends that a delegate keeps before its nominators get theirs."""

from node.ledger import errors
from node.ledger.calls import DecreaseTake, IncreaseTake
from node.ledger.context import Context
from node.ledger.events import TakeDecreased, TakeIncreased
from node.ledger.pallets.staking import HOTKEY, Hotkey, require_owned
from node.primitives.types import AccountId


def increase_take(context: Context, sender: AccountId, call: IncreaseTake) -> None:
    """Raise the take, at most once per rate limit since its last change."""
    hotkey = require_owned(context.state, call.hotkey, sender)
    parameters = context.parameters
    if call.take_u16 <= hotkey.take_u16:
        raise errors.DelegateTakeTooLow(f"The take is {hotkey.take_u16} of 65535 already.")
    if call.take_u16 > parameters.take_max_u16:
        raise errors.DelegateTakeTooHigh(f"The take is at most {parameters.take_max_u16} of 65535.")
    due = hotkey.take_changed_at + parameters.take_rate_limit_blocks
    if hotkey.take_changed_at and context.height < due:
        raise errors.DelegateTxRateLimitExceeded(f"The take may rise again from block {due}.")
    _set(context, call.hotkey, hotkey, call.take_u16)
    context.emit(TakeIncreased(sender, call.hotkey, call.take_u16))


def decrease_take(context: Context, sender: AccountId, call: DecreaseTake) -> None:
    """Lower the take at any time."""
    hotkey = require_owned(context.state, call.hotkey, sender)
    if not context.parameters.take_min_u16 <= call.take_u16 < hotkey.take_u16:
        raise errors.DelegateTakeTooLow(f"Choose a take below {hotkey.take_u16} of 65535, not under the minimum.")
    _set(context, call.hotkey, hotkey, call.take_u16)
    context.emit(TakeDecreased(sender, call.hotkey, call.take_u16))


def _set(context: Context, account: AccountId, hotkey: Hotkey, take_u16: int) -> None:
    HOTKEY.put(context.state, account, Hotkey(hotkey.owner, take_u16, context.height, hotkey.delegate))
