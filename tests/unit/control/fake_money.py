"""The money part of a recorded API: one channel each way and a budget."""

from node.control.schema import BudgetView, ChannelBoard, ChannelView, DueView, Redeemed
from node.primitives.address import to_ss58
from node.primitives.types import AccountId

BOB, CAROL = (to_ss58(AccountId(bytes([number]) * 32)) for number in (11, 12))
OUT, IN = "0c" * 32, "0d" * 32
BOARD = ChannelBoard(
    account=BOB, balance_rao=9_000_000_000, height=1200, dispute_blocks=20, life_blocks=216_000, smallest_rao=500,
    redeem_fee_rao=132_000, problem="",
    channels=(
        ChannelView(
            IN, "payee", CAROL, "closing", 10**9, 200_000_000, 250_000_000, 249_000_000, 750_000_000, 9_000, 1_220
        ),
        ChannelView(OUT, "payer", CAROL, "open", 2 * 10**9, 0, 1_500_000, 1_400_000, 1_998_600_000, 217_200),
    ),
    dues=(DueView(CAROL, 30_000_000, 20_000_000, 10_000_000),),
)  # fmt: skip
BUDGET = BudgetView(BOB, 9_000_000_000, 10_000_000, 500_000_000, 10**9, 1_400_000, 0, 1_700_006_400_000)


class FakeMoney:
    """Answers what was recorded; `_note` hears of every call, where the whole fake wants to."""

    board = BOARD

    def _note(self, name: str, *arguments: object) -> None:
        """Nobody listens."""

    async def channels(self) -> ChannelBoard:
        self._note("channels")
        return self.board

    async def channels_redeem(self, channel: str | None = None) -> Redeemed:
        self._note("channels_redeem", channel)
        return Redeemed(("ee" * 32,), 50_000_000)

    async def budget(self) -> BudgetView:
        self._note("budget")
        return BUDGET

    async def budget_set(
        self, per_call_rao: int | None = None, per_day_rao: int | None = None, channel_rao: int | None = None
    ) -> BudgetView:
        self._note("budget_set", per_call_rao, per_day_rao, channel_rao)
        return BUDGET
