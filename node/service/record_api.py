"""Receipts, usage and audits as the control API shows them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

import trio

from node.control.views.records import AuditReport, ReceiptKind, ReceiptView, Usage, UsageGroup, UsageLine
from node.market.errors import MalformedMessage
from node.market.frames import Receipt, code_of, decode, receipt_digest, receipt_holds
from node.primitives.address import to_ss58
from node.primitives.crypto import verify
from node.primitives.types import AccountId
from node.service.audits import audit_view
from node.service.errors import Unknown
from storage import ReceiptRow, UsageRow

if TYPE_CHECKING:
    from node.service.app import Running

_REMEDY = "`neurond receipts list` shows what this node keeps."


class RecordsOfNode:
    """The record methods of `node.service.api.NodeApi`."""

    def _running(self) -> Running:
        raise NotImplementedError

    async def receipts(
        self, limit: int = 50, skip: int = 0, kind: ReceiptKind | None = None
    ) -> tuple[ReceiptView, ...]:
        """List receipts, newest first."""
        store = self._running().market.receipts
        rows = await trio.to_thread.run_sync(partial(store.newest, limit, skip=skip, kind=kind))
        return tuple(receipts_of(rows))

    async def receipt(self, digest: str) -> ReceiptView:
        """Show one receipt and check its signatures. Raises Unknown."""
        rows = await trio.to_thread.run_sync(self._running().market.receipts.starting_with, bytes.fromhex(digest))
        if len(rows) != 1:
            few = "Several receipts begin" if rows else "No receipt begins"
            raise Unknown(f"{few} with {digest}.", remedy=_REMEDY)
        found = tuple(receipts_of(rows, checked=True))
        if not found:
            raise Unknown("That receipt is of a form that this version does not read.", remedy=_REMEDY)
        return found[0]

    async def usage(self, group: UsageGroup = "day", served: bool = False) -> Usage:
        """Add up what was asked for through this node, or what it did for others."""
        store = self._running().market.receipts
        work = partial(store.usage, group, kind="served" if served else "user")
        rows = await trio.to_thread.run_sync(work)
        return Usage(group, served, tuple(_line(group, row) for row in rows))

    async def audit(
        self, netuid: int | None = None, epoch: int | None = None, validator: str | None = None, judge: int = 0
    ) -> AuditReport:
        """Recount a validator's epoch."""
        return await audit_view(self._running(), netuid, epoch, validator, judge)


def receipts_of(rows: Iterable[ReceiptRow], *, checked: bool = False) -> Iterable[ReceiptView]:
    """The rows as they are shown; those of a form that this version does not know are left out."""
    for row in rows:
        try:
            receipt = decode(Receipt, row.receipt)
        except MalformedMessage:  # of a form that this version does not know
            continue
        yield receipt_view(row, receipt, holds=receipt_holds(receipt, verify) if checked else None)


def receipt_view(row: ReceiptRow, receipt: Receipt, *, holds: bool | None) -> ReceiptView:
    """A receipt as it is shown."""
    body = receipt.body
    return ReceiptView(
        digest=receipt_digest(receipt).hex(),
        kind=row.kind,
        netuid=body.netuid,
        caller=to_ss58(body.caller),
        miner=to_ss58(body.miner),
        model=row.model,
        kept_ms=row.kept_at_ms,
        height=body.height,
        rules=body.spec_version,
        request=body.request.hex(),
        answer=body.answer.hex(),
        prompt_tokens=body.usage.prompt_tokens,
        completion_tokens=body.usage.completion_tokens,
        units=body.usage.units,
        t_first_ms=body.t_first_ms,
        t_done_ms=body.t_done_ms,
        code=code_of(body.code).name,
        spent_rao=row.spent_rao,
        raw=row.receipt.hex(),
        holds=holds,
    )


def _line(group: UsageGroup, row: UsageRow) -> UsageLine:
    named = row.group
    if group == "miner" and named:
        named = to_ss58(AccountId(bytes.fromhex(named)))
    return UsageLine(
        named, row.netuid, row.calls, row.prompt_tokens, row.completion_tokens, row.units, row.spent_rao
    )  # fmt: skip
