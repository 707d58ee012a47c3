"""The records part of a recorded API: two receipts, their sums, and an audit that disagrees."""

from node.control.views.records import (
    AuditFinding,
    AuditReport,
    AuditWeight,
    ReceiptKind,
    ReceiptView,
    Usage,
    UsageGroup,
    UsageLine,
)
from node.primitives.address import to_ss58
from node.primitives.types import AccountId

DAVE, ERIN, FRED = (to_ss58(AccountId(bytes([number]) * 32)) for number in (13, 14, 15))
RECEIPT = ReceiptView(
    digest="0e" * 32, kind="user", netuid=1, caller=DAVE, miner=ERIN, model="smollm2-135m-instruct",
    kept_ms=1_700_000_000_000, height=1200, rules=1, request="0f" * 32, answer="1f" * 32, prompt_tokens=12,
    completion_tokens=34, units=0, t_first_ms=85, t_done_ms=1_400, code="OK", spent_rao=46_000,
    raw="2f" * 8, holds=True,
)  # fmt: skip
USAGE = Usage(
    "day", False,
    (UsageLine("2023-11-14", 1, 2, 24, 68, 0, 92_000), UsageLine("2023-11-13", 1, 1, 12, 34, 5, 46_000)),
)  # fmt: skip
AUDIT = AuditReport(
    netuid=1, epoch=120, validator=DAVE, outcome="disagrees", weights_agree=False, record="3f" * 32, lines=40,
    first_height=1190, last_height=1200, set_at=1199, counts={"rounds": 3, "verdicts": 9},
    weights=(AuditWeight(2, ERIN, 0.875, 65_535, 65_535), AuditWeight(3, FRED, 0.25, 18_724, None)),
    findings=(
        AuditFinding("weights", "The weights on chain, of block 1199, are not those of the record."),
        AuditFinding("seats", "Seat 3 has changed hands since; who held it is not checked.", 4, None, True),
        AuditFinding("verdict", "A miner is judged twice on one question.", 17, FRED),
    ),
)  # fmt: skip


class FakeRecords:
    """Answers what was recorded; `_note` hears of every call, where the whole fake wants to."""

    audited = AUDIT

    def _note(self, name: str, *arguments: object) -> None:
        """Nobody listens."""

    async def receipts(
        self, limit: int = 50, skip: int = 0, kind: ReceiptKind | None = None
    ) -> tuple[ReceiptView, ...]:
        self._note("receipts", limit, skip, kind)
        return (RECEIPT,)

    async def receipt(self, digest: str) -> ReceiptView:
        self._note("receipt", digest)
        return RECEIPT

    async def usage(self, group: UsageGroup = "day", served: bool = False) -> Usage:
        self._note("usage", group, served)
        return USAGE

    async def audit(
        self, netuid: int | None = None, epoch: int | None = None, validator: str | None = None, judge: int = 0
    ) -> AuditReport:
        self._note("audit", netuid, epoch, validator, judge)
        return self.audited
