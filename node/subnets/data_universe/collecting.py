"""Collecting: every source when it is due, rows into the store, what went wrong told and tried again later.

One source after the other, each within a time; what a run found so far is kept when it is cut short. Nothing of a
source can raise out of here.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import trio

from node.market.errors import MalformedMessage
from node.primitives.errors import MarketError
from node.subnets.base import Host
from node.subnets.data_universe.adapters.base import Adapter, CollectJob, CollectReport
from node.subnets.data_universe.entities import Entity, Source
from node.subnets.data_universe.errors import BadSource
from node.subnets.data_universe.fetching import WebClient
from node.subnets.data_universe.limits import AGE_HOURS_MAX, BACKOFF_FIRST_S, BACKOFF_MAX_S, INGEST_BATCH_ROWS
from node.subnets.data_universe.room import Room, in_thread
from node.subnets.data_universe.settings import (
    CollectStatus,
    JobStatus,
    Settings,
    read_settings,
    read_status,
    write_status,
)
from storage import StorageError
from storage.entities_rows import Ingested

_log = logging.getLogger(__name__)
RUN_TIMEOUT_S: Final = 120.0  # of one source; the rest comes with the next run


@dataclass(frozen=True, slots=True)
class Reach:
    """The sources that a node reaches, and how it looks things up."""

    adapters: Mapping[Source, Adapter]

    def of(self, job: CollectJob) -> Adapter:
        """The adapter of a job. Raises BadSource."""
        for source, adapter in self.adapters.items():
            if source.name.lower() == job.source:
                return adapter
        raise BadSource(f"This node does not reach sources of the kind {job.source[:40]!r}.")


def usual_adapters(
    folder: Path, now_ms: Callable[[], int], *, interval_s: float | None = None
) -> dict[Source, Adapter]:
    """All adapters, with the settings of a folder. They connect to nothing before they are used."""
    from node.subnets.data_universe.adapters.feed import FeedAdapter
    from node.subnets.data_universe.adapters.files import FilesAdapter, pool_of
    from node.subnets.data_universe.adapters.services import ActivityAdapter, HnAdapter
    from node.subnets.data_universe.adapters.web import Robots, WebAdapter

    def now_minute() -> int:
        return now_ms() // 60_000

    def pools() -> dict[str, Path]:
        jobs = read_settings(folder).jobs
        return {pool_of(job): Path(job.target).expanduser() for job in jobs if job.source == "files"}

    allowed = frozenset(read_settings(folder).allowed_hosts)
    client = WebClient(allowed=allowed) if interval_s is None else WebClient(allowed=allowed, interval_s=interval_s)
    return {
        Source.FEED: FeedAdapter(client, now_minute),
        Source.HN: HnAdapter(client, now_minute),
        Source.ACTIVITY: ActivityAdapter(client, now_minute),
        Source.WEB: WebAdapter(client, Robots(client, trio.current_time), now_minute),
        Source.FILES: FilesAdapter(pools, now_minute),
    }


class Collector:
    """Runs the sources of the settings when they are due; give `step` to the miner."""

    def __init__(self, tell: Callable[[str], None] = _log.info) -> None:
        self._tell = tell
        self._status: dict[Path, CollectStatus] = {}

    async def step(self, host: Host, room: Room) -> None:
        """Run every source that is due now."""
        await self.run(room)

    async def run(self, room: Room, *, all_now: bool = False) -> CollectStatus:
        """Run what is due, or everything; returns how it went."""
        try:
            settings = read_settings(room.folder)
        except BadSource as error:
            _log.warning("%s", error.message)
            return CollectStatus(paused=error.message)
        if not settings.jobs:
            return CollectStatus()
        before = self._status.get(room.folder) or _known_status(room.folder)
        known = {(status.source, status.target): status for status in before.jobs}
        status = {
            (job.source, job.target): known.get((job.source, job.target), JobStatus(job.target, job.source))
            for job in settings.jobs
        }
        due = [
            job
            for job in settings.jobs
            if not job.is_paused and (all_now or status[job.source, job.target].next_ms <= room.now_ms())
        ]
        paused = ""
        for job in due:
            key = (job.source, job.target)
            try:
                status[key] = await self._run_one(job, status[key], room)
            except StorageError as error:  # a full disk stops all sources alike
                paused = str(error)
                _log.warning("collecting pauses: %s", error)
                break
        if due:
            rows = await in_thread((await room.shelf()).store.count)
            told = CollectStatus(tuple(status.values()), paused, rows)
            self._status[room.folder] = told
            await in_thread(write_status, room.folder, told)
        return self._status.get(room.folder, before)

    async def _run_one(self, job: CollectJob, status: JobStatus, room: Room) -> JobStatus:
        report, intake = CollectReport(), _Intake(room)
        started_ms, problem = room.now_ms(), ""
        try:
            adapter = Reach(room.adapters).of(job)
            with trio.move_on_after(RUN_TIMEOUT_S) as scope:
                await intake.take_all(adapter, job, status.since_minute, report)
            if scope.cancelled_caught:
                problem = f"cut short after {RUN_TIMEOUT_S:.0f} s; the rest comes with the next run"
        except (MarketError, MalformedMessage) as error:
            problem = error.message
        except StorageError:
            raise
        except Exception as error:  # an adapter's own fault: the other sources are read all the same
            _log.exception("the source %s could not be read", job.target[:200])
            problem = f"this node failed at it ({type(error).__name__}); its log says more"
        await intake.flush()
        taken = intake.taken
        failures = status.failures + 1 if problem else 0
        wait_s = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0 ** min(failures, 20)) if problem else 0.0
        self._tell(
            f"{job.source} {job.target}: {report.items} items, {taken.new} new rows"
            + (f", {taken.changed} changed" if taken.changed else "") + (f"; {problem}" if problem else "")
        )  # fmt: skip
        return replace_status(status, report, taken, started_ms, job, problem, failures, wait_s)


def replace_status(
    status: JobStatus, report: CollectReport, taken: Ingested, started_ms: int, job: CollectJob, problem: str,
    failures: int, wait_s: float,
) -> JobStatus:  # fmt: skip
    """The status after a run."""
    wait_ms = int(max(wait_s, 60.0 * job.every_minutes) * 1000)
    return msgspec.structs.replace(
        status,
        last_ms=started_ms,
        next_ms=started_ms + wait_ms,
        since_minute=status.since_minute if problem else started_ms // 60_000 - 1,
        runs=status.runs + 1,
        failures=failures,
        items=status.items + report.items,
        new=status.new + taken.new,
        known=status.known + taken.known,
        in_the_future=status.in_the_future + report.in_the_future,
        badly_encoded=status.badly_encoded + report.badly_encoded,
        problem=problem or "; ".join(report.notes[:3]),
    )


class _Intake:
    """Rows on their way into the store, batch by batch."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._batch: list[Entity] = []
        self.taken = Ingested()

    async def take_all(self, adapter: Adapter, job: CollectJob, since_minute: int, report: CollectReport) -> None:
        """Take the rows of a job; the last ones wait for `flush`."""
        oldest = (self._room.now_hour - AGE_HOURS_MAX) * 60
        rows: Any = adapter.collect(job, since_minute, report)
        async with aclosing(rows):
            async for entity in rows:
                if entity.minute < oldest:
                    continue  # worth nothing, and dropped at the next tidying
                self._batch.append(entity)
                if len(self._batch) >= INGEST_BATCH_ROWS:
                    await self.flush()

    async def flush(self) -> None:
        """Store what waits. Raises storage.StorageError."""
        batch, self._batch = self._batch, []
        if batch:
            self.taken += await in_thread((await self._room.shelf()).take_in, batch)


def _known_status(folder: Path) -> CollectStatus:
    try:
        return read_status(folder)
    except BadSource:
        return CollectStatus()  # it only says when each was read last


def with_job(settings: Settings, job: CollectJob) -> Settings:
    """The settings with a source added, or in place of the one with the same kind and target."""
    others = tuple(each for each in settings.jobs if (each.source, each.target) != (job.source, job.target))
    return msgspec.structs.replace(settings, jobs=(*others, job))


def without_job(settings: Settings, target: str) -> Settings:
    """The settings without the sources of that target. Raises BadSource when there is none."""
    left = tuple(each for each in settings.jobs if each.target != target)
    if len(left) == len(settings.jobs):
        raise BadSource(f"There is no source {target[:80]!r}.", remedy="`neurond data sources` lists them.")
    return msgspec.structs.replace(settings, jobs=left)
