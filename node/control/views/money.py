"""What the control API tells of payment channels and of what a node may spend."""

from typing import Literal

from node.control.views.base import View

ChannelSide = Literal["payer", "payee"]
ChannelState = Literal["open", "closing", "ending", "gone"]


class ChannelView(View, frozen=True):
    """A channel of this node's hotkey. `promised_rao` is what the latest voucher is over, all calls together.

    `due_rao` is what was delivered for. A payee has `promised_rao - redeemed_rao` still to redeem; a payer has
    `left_rao` for more calls. `closes` is the first block in which a payer that is closing gets the rest back.
    """

    channel: str
    side: ChannelSide
    other: str
    state: ChannelState
    deposit_rao: int
    redeemed_rao: int
    promised_rao: int
    due_rao: int
    left_rao: int
    expires: int
    closes: int | None = None


class DueView(View, frozen=True):
    """What of this node's earnings belongs to an account, such as the creator of a chute: in all, of it paid, and on
    its way to the chain."""

    account: str
    owed_rao: int
    paid_rao: int
    sent_rao: int


class ChannelBoard(View, frozen=True):
    """All channels of this node's hotkey, which is the `account` that pays and earns.

    A new channel lives `life_blocks` unless a person says otherwise, at least `dispute_blocks`. Redeeming one voucher
    costs `redeem_fee_rao`. `problem` is what went wrong last with redeeming or opening, "" when nothing did.
    """

    account: str
    balance_rao: int
    height: int
    dispute_blocks: int
    life_blocks: int
    smallest_rao: int
    redeem_fee_rao: int
    problem: str
    channels: tuple[ChannelView, ...]
    dues: tuple[DueView, ...] = ()


class Redeemed(View, frozen=True):
    """Vouchers that went to the chain: their transactions, and the sum that they bring before fees."""

    transactions: tuple[str, ...]
    amount_rao: int


class BudgetView(View, frozen=True):
    """What the node may spend for calls, and what it has. `channel_rao` is what it puts into a channel it opens itself.

    `used_rao` is of today (UTC), which ends at `reset_at_ms`; `reserved_rao` is set aside for calls that run.
    """

    account: str
    balance_rao: int
    per_call_rao: int
    per_day_rao: int
    channel_rao: int
    used_rao: int
    reserved_rao: int
    reset_at_ms: int
