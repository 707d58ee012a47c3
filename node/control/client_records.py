"""A client's calls about receipts, usage and audits; a part of `node.control.client_async.AsyncClient`."""

from node.control.limits import CALL_TIMEOUT_S
from node.control.record_api import (
    AUDIT_TIMEOUT_S,
    AuditRequest,
    ReceiptRequest,
    ReceiptsRequest,
    UsageRequest,
)
from node.control.requests import R, Request
from node.control.views.records import AuditReport, ReceiptKind, ReceiptView, Usage, UsageGroup


class RecordCalls:
    """The methods of `node.control.record_api.RecordApi`; `call` is the client's."""

    async def call(self, request: Request[R], timeout_s: float = CALL_TIMEOUT_S) -> R:
        """Make a call and wait for its answer."""
        raise NotImplementedError

    async def receipts(
        self, limit: int = 50, skip: int = 0, kind: ReceiptKind | None = None
    ) -> tuple[ReceiptView, ...]:
        return await self.call(ReceiptsRequest(limit, skip, kind))

    async def receipt(self, digest: str) -> ReceiptView:
        return await self.call(ReceiptRequest(digest))

    async def usage(self, group: UsageGroup = "day", served: bool = False) -> Usage:
        return await self.call(UsageRequest(group, served))

    async def audit(
        self, netuid: int | None = None, epoch: int | None = None, validator: str | None = None, judge: int = 0
    ) -> AuditReport:
        return await self.call(AuditRequest(netuid, epoch, validator, judge), timeout_s=AUDIT_TIMEOUT_S)
