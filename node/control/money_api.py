"""The part of the control API that is about channels and budgets; `node.control.api` has the rest.

Opening, filling and closing channels are transactions like any other: a client signs them with the hotkey. What the
node does by itself is bounded by the budget, which is set here.
"""

from typing import Protocol

from node.control.requests import Amount, HexHash, Request
from node.control.views.money import BudgetView, ChannelBoard, Redeemed


class ChannelsRequest(Request[ChannelBoard], frozen=True):
    pass


class ChannelsRedeemRequest(Request[Redeemed], frozen=True):
    """`channel` None: every voucher that is over more than its fee."""

    channel: HexHash | None = None


class BudgetRequest(Request[BudgetView], frozen=True):
    pass


class BudgetSetRequest(Request[BudgetView], frozen=True):
    """None leaves a limit as it is."""

    per_call_rao: Amount | None = None
    per_day_rao: Amount | None = None
    channel_rao: Amount | None = None


class MoneyApi(Protocol):
    """See `node.control.api.Api`."""

    async def channels(self) -> ChannelBoard: ...

    async def channels_redeem(self, channel: str | None = None) -> Redeemed:
        """Bring the vouchers of one channel, or of all, to the chain; refused when there is nothing to redeem."""
        ...

    async def budget(self) -> BudgetView: ...

    async def budget_set(
        self, per_call_rao: int | None = None, per_day_rao: int | None = None, channel_rao: int | None = None
    ) -> BudgetView:
        """Change what this node may spend; kept across restarts."""
        ...
