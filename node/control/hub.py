"""Where the daemon puts its changes and subscribers pick them up, each at its own pace.

There is no queue per subscriber: the hub keeps the newest status and the recent tasks and jobs with a version number,
the log keeps itself, and each subscriber remembers how far it has read. A slow or frozen one costs nothing and misses
only what has left these bounded memories, which it is told as a gap.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Final, Generic, TypeVar

import trio

from node.control.events import AnyEvent, GapEvent, Heartbeat, JobEvent, LogEvent, StatusEvent, TasksEvent
from node.control.limits import (
    DELIVERY_INTERVAL_S,
    HEARTBEAT_S,
    LOG_LINES_PER_PAGE_MAX,
    RECENT_JOBS_MAX,
    RECENT_TASKS_MAX,
)
from node.control.schema import Job, LogLevel, LogPage, NodeStatus, Task, Topic

LogPages = Callable[[int, LogLevel, int], LogPage]
"""(since, level, limit) -> lines; since 0 means the latest ones. Must be callable at any time and not block."""

T = TypeVar("T")
_FIRST_LOG_LINES: Final = 200  # what a log screen shows at once


class _Recent(Generic[T]):
    """The latest things by id, each with the version of its last change; the least recently changed leave first."""

    def __init__(self, count_max: int) -> None:
        self._count_max = count_max
        self._items: dict[str, tuple[int, T]] = {}
        self._evicted_version = 0
        self.version = 0

    def put(self, key: str, item: T) -> None:
        self.version += 1
        self._items.pop(key, None)
        self._items[key] = (self.version, item)
        if len(self._items) > self._count_max:
            oldest = next(iter(self._items))
            self._evicted_version = self._items.pop(oldest)[0]

    def get(self, key: str) -> T | None:
        found = self._items.get(key)
        return None if found is None else found[1]

    def since(self, version: int) -> tuple[T, ...]:
        return tuple(item for changed, item in self._items.values() if changed > version)

    def lost_since(self, version: int) -> int:
        return max(0, self._evicted_version - version)


class Hub:
    """The daemon's side of `subscribe`. All methods but `log_changed` belong to the trio thread."""

    def __init__(self, log_pages: LogPages, now_ms: Callable[[], int]) -> None:
        self._log_pages = log_pages
        self._now_ms = now_ms
        self._status: NodeStatus | None = None
        self._status_version = 0
        self._tasks: _Recent[Task] = _Recent(RECENT_TASKS_MAX)
        self._jobs: _Recent[Job] = _Recent(RECENT_JOBS_MAX)
        self._changed: trio.Event | None = None
        self._token: trio.lowlevel.TrioToken | None = None

    def put_status(self, status: NodeStatus) -> None:
        """Replace the status; subscribers get the newest one only."""
        self._status = status
        self._status_version += 1
        self._wake()

    def put_task(self, task: Task) -> None:
        """Add a task, or replace the one with its id and miner: several may work on one task."""
        self._tasks.put(f"{task.id} {task.miner}", task)
        self._wake()

    def put_job(self, job: Job) -> None:
        """Add a job, or replace the one with its id."""
        self._jobs.put(job.id, job)
        self._wake()

    def job(self, job_id: str) -> Job | None:
        """Return the job as last put, None when it is unknown or long gone."""
        return self._jobs.get(job_id)

    def tasks(self, limit: int) -> tuple[Task, ...]:
        """Return the tasks that changed last, newest first."""
        return self._tasks.since(0)[::-1][:limit]

    def log_changed(self, _line: object = None) -> None:
        """Say that the log has grown; may be called from any thread, and before anybody listens."""
        token = self._token
        if token is None:
            return
        try:
            token.run_sync_soon(self._wake, idempotent=True)
        except trio.RunFinishedError:
            self._token = None

    async def subscribe(self, topics: Sequence[Topic], level: LogLevel = "info") -> AsyncIterator[AnyEvent]:
        """Yield a snapshot of each topic, then changes, and a heartbeat whenever nothing was said for two seconds."""
        self._token = trio.lowlevel.current_trio_token()
        reader = _Reader(self, frozenset(topics), level)
        quiet_since = trio.current_time()
        while True:
            if self._changed is None or self._changed.is_set():
                self._changed = trio.Event()
            changed = self._changed
            for event in reader.collect():
                yield event
                quiet_since = trio.current_time()
            with trio.move_on_at(quiet_since + HEARTBEAT_S):
                await changed.wait()
                await trio.sleep(DELIVERY_INTERVAL_S)
            if trio.current_time() >= quiet_since + HEARTBEAT_S:
                yield Heartbeat(reader.next_seq(), self._now_ms())
                quiet_since = trio.current_time()

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()


class _Reader:
    """How far one subscriber has read."""

    def __init__(self, hub: Hub, topics: frozenset[Topic], level: LogLevel) -> None:
        self._hub = hub
        self._topics = topics
        self._level: LogLevel = level
        self._seq = 0
        self._status_version = 0
        self._tasks_version: int | None = None
        self._jobs_version: int | None = None
        self._log_next: int | None = None

    def next_seq(self) -> int:
        self._seq += 1
        return self._seq

    def collect(self) -> Iterator[AnyEvent]:
        """Yield what is new since the last call; never suspends between looking and remembering."""
        if "status" in self._topics:
            yield from self._status()
        if "tasks" in self._topics:
            yield from self._tasks()
        if "job" in self._topics:
            yield from self._jobs()
        if "log" in self._topics:
            yield from self._log()

    def _status(self) -> Iterator[AnyEvent]:
        status, version = self._hub._status, self._hub._status_version
        if status is not None and version != self._status_version:
            self._status_version = version
            yield StatusEvent(self.next_seq(), status)

    def _tasks(self) -> Iterator[AnyEvent]:
        recent, known = self._hub._tasks, self._tasks_version
        self._tasks_version = recent.version
        lost = 0 if known is None else recent.lost_since(known)
        if lost:
            yield GapEvent(self.next_seq(), "tasks", lost)
        if known is None or lost:
            yield TasksEvent(self.next_seq(), recent.since(0), snapshot=True)
        elif changed := recent.since(known):
            yield TasksEvent(self.next_seq(), changed)

    def _jobs(self) -> Iterator[AnyEvent]:
        recent, known = self._hub._jobs, self._jobs_version
        self._jobs_version = recent.version
        lost = 0 if known is None else recent.lost_since(known)
        if lost:
            yield GapEvent(self.next_seq(), "job", lost)
        if known is None or lost:
            yield JobEvent(self.next_seq(), recent.since(0), snapshot=True)
        elif changed := recent.since(known):
            yield JobEvent(self.next_seq(), changed)

    def _log(self) -> Iterator[AnyEvent]:
        known = self._log_next
        limit = _FIRST_LOG_LINES if known is None else LOG_LINES_PER_PAGE_MAX
        page = self._hub._log_pages(known or 0, self._level, limit)
        self._log_next = page.next_seq
        lost = 0 if known is None else page.lost
        if lost:
            yield GapEvent(self.next_seq(), "log", lost)
        if known is None or lost or page.lines:
            yield LogEvent(self.next_seq(), page.lines, snapshot=known is None or bool(lost))
