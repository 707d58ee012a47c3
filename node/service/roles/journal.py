"""What a role remembers: recent tasks in memory for screens, and the journal on disk, written behind by one task.

Writing never delays work: a full queue drops rows and counts them, a failing disk is counted and logged. The chain does
not depend on any of it.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import trio

from node.market.frames import Receipt, receipt_digest
from node.market.tasks import TaskLog, TaskView
from node.primitives.codec import encode
from node.primitives.types import AccountId, Height, NetUid
from node.subnets.base import Standing, Verdict
from storage import MarketStore, ReceiptRow, SecretRow, StorageError, TaskRow, VerdictRow

ROWS_QUEUED_MAX: Final = 1024  # some seconds of the busiest node; each is one small SQLite transaction

_log = logging.getLogger(__name__)
_NOBODY = AccountId(b"")


class RoleJournal:
    """Task list and journal of one role in one subnet; without a store it keeps to memory."""

    def __init__(self, netuid: NetUid, store: MarketStore | None) -> None:
        self.log = TaskLog()
        self.counts: Counter[str] = Counter()
        self._netuid = netuid
        self._store = store
        self._send, self._receive = trio.open_memory_channel[Callable[[], None]](ROWS_QUEUED_MAX)
        self._pending = 0
        self._idle = trio.Event()
        self._idle.set()

    async def run(self) -> None:
        """Write what is queued, until cancelled."""
        async for write in self._receive:
            with trio.CancelScope(shield=True):  # a row taken from the queue is written; one write is short
                await self._write(write)

    async def flush(self) -> None:
        """Return when everything queued so far is written, by `run` or here."""
        while True:
            try:
                write = self._receive.receive_nowait()
            except trio.WouldBlock:
                break
            with trio.CancelScope(shield=True):
                await self._write(write)
        await self._idle.wait()

    def task(self, view: TaskView, *, validator: AccountId | None = None) -> None:
        """Show a task, and keep it once it is over."""
        self.log.put(view)
        if self._store is None or view.state not in ("done", "failed"):
            return
        row = TaskRow(
            id=bytes.fromhex(view.id),
            netuid=self._netuid,
            kind=view.kind,
            miner=view.miner,
            validator=validator or _NOBODY,
            created_at_ms=view.created_at_ms,
            status=view.state,
            latency_ms=view.latency_ms,
            score=view.score,
            tokens=view.tokens,
            preview=view.preview,
        )
        self._queue(partial(self._store.record_tasks, [row]))

    def verdict(self, view: TaskView, validator: AccountId, verdict: Verdict, judged_at_ms: int) -> None:
        """Keep a judgement."""
        if self._store is None:
            return
        reason = f"{verdict.code.name} {verdict.evidence}".rstrip()
        row = VerdictRow(
            bytes.fromhex(view.id), self._netuid, view.miner, validator, verdict.score, reason, judged_at_ms
        )
        self._queue(partial(self._store.record_verdicts, [row]))

    def receipt(self, receipt: Receipt, *, kind: str, kept_at_ms: int, model: str = "", spent_rao: int = 0) -> None:
        """Keep a receipt; `kind` is user, challenge or served."""
        if self._store is not None:
            row = receipt_row(receipt, kind=kind, kept_at_ms=kept_at_ms, model=model, spent_rao=spent_rao)
            self._queue(partial(self._store.receipts.record, row))

    async def load_scores(self) -> list[tuple[AccountId, Standing]]:
        """The score book that an earlier version kept, for a home without a record. Raises StorageError."""
        if self._store is None:
            return []
        rows = await trio.to_thread.run_sync(self._store.load_scores, self._netuid)
        return [(AccountId(row.hotkey), Standing(row.score, row.samples, Height(row.last_height))) for row in rows]

    async def load_secrets(self) -> list[SecretRow]:
        """What opens our commits. Raises StorageError."""
        return [] if self._store is None else await trio.to_thread.run_sync(self._store.secrets, self._netuid)

    async def keep_secret(self, row: SecretRow) -> None:
        """Keep what opens a commit, now: the commit goes out after it. Raises StorageError."""
        if self._store is not None:
            await trio.to_thread.run_sync(self._store.keep_secret, self._netuid, row)

    def drop_secrets(self, digests: Sequence[bytes]) -> None:
        """Forget what opens these commits, soon."""
        if self._store is not None:
            self._queue(partial(self._store.drop_secrets, self._netuid, digests))

    def _queue(self, write: Callable[[], None]) -> None:
        try:
            self._send.send_nowait(write)
        except trio.WouldBlock:
            self.counts["journal.dropped"] += 1
            return
        self._pending += 1
        if self._idle.is_set():
            self._idle = trio.Event()

    async def _write(self, write: Callable[[], None]) -> None:
        try:
            await trio.to_thread.run_sync(write)
        except StorageError as error:
            self.counts["journal.failed"] += 1
            _log.warning("the market journal could not be written: %s", error)
        finally:
            self._pending -= 1
            if not self._pending:
                self._idle.set()


def receipt_row(receipt: Receipt, *, kind: str, kept_at_ms: int, model: str = "", spent_rao: int = 0) -> ReceiptRow:
    """A receipt as the store keeps and counts it."""
    body = receipt.body
    return ReceiptRow(
        digest=receipt_digest(receipt),
        receipt=encode(receipt),
        netuid=body.netuid,
        kind=kind,
        caller=body.caller,
        miner=body.miner,
        model=model,
        kept_at_ms=kept_at_ms,
        prompt_tokens=body.usage.prompt_tokens,
        completion_tokens=body.usage.completion_tokens,
        units=body.usage.units,
        spent_rao=spent_rao,
    )
