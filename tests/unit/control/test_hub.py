"""Promises of subscriptions: snapshots first, numbered changes, gaps told, heartbeats, nobody waits for the slow."""

from collections.abc import AsyncIterator

import msgspec
import trio
from trio.testing import MockClock

from node.control.events import AnyEvent, GapEvent, Heartbeat, JobEvent, LogEvent, StatusEvent, TasksEvent
from node.control.hub import Hub
from node.control.limits import HEARTBEAT_S, RECENT_JOBS_MAX, RECENT_TASKS_MAX
from node.control.schema import TOPICS, LogLevel, LogLine, LogPage
from tests.unit.control.fake import JOB, STATUS, TASK


class Book:
    """A log ring of five lines."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []
        self.next_seq = 1

    def add(self, text: str) -> None:
        self.lines = [*self.lines, LogLine(self.next_seq, 0, "info", "test", text)][-5:]
        self.next_seq += 1

    def page(self, since: int, level: LogLevel, limit: int) -> LogPage:
        lost = max(0, self.lines[0].seq - since) if self.lines and since else 0
        return LogPage(tuple(line for line in self.lines if line.seq >= since)[-limit:], self.next_seq, lost)


def make_hub() -> tuple[Hub, Book]:
    book = Book()
    return Hub(book.page, lambda: 42), book


async def take(events: AsyncIterator[AnyEvent], count: int) -> list[AnyEvent]:
    return [await anext(events) for _ in range(count)]


async def test_a_subscription_begins_with_a_snapshot_of_each_topic(autojump_clock: MockClock) -> None:
    hub, book = make_hub()
    hub.put_status(STATUS)
    hub.put_task(TASK)
    hub.put_job(JOB)
    book.add("hello")
    events = hub.subscribe(TOPICS)
    assert await take(events, 4) == [
        StatusEvent(1, STATUS),
        TasksEvent(2, (TASK,), snapshot=True),
        JobEvent(3, (JOB,), snapshot=True),
        LogEvent(4, tuple(book.lines), snapshot=True),
    ]


async def test_changes_follow_with_numbers_without_holes(autojump_clock: MockClock) -> None:
    hub, book = make_hub()
    hub.put_status(STATUS)
    events = hub.subscribe(TOPICS)
    await take(events, 4)
    hub.put_task(TASK)
    book.add("one")
    hub.log_changed()
    assert await take(events, 2) == [TasksEvent(5, (TASK,)), LogEvent(6, tuple(book.lines))]
    changed = msgspec.structs.replace(STATUS, height=121)
    hub.put_status(STATUS)
    hub.put_status(changed)
    assert await take(events, 1) == [StatusEvent(7, changed)]


async def test_a_task_given_to_several_miners_is_told_with_all_of_them(autojump_clock: MockClock) -> None:
    hub, _ = make_hub()
    events = hub.subscribe(("tasks",))
    await take(events, 1)
    others = tuple(msgspec.structs.replace(TASK, miner=name) for name in ("anna", "bert"))
    for each in others:
        hub.put_task(each)
    assert await take(events, 1) == [TasksEvent(2, others)]
    assert await take(hub.subscribe(("tasks",)), 1) == [TasksEvent(1, others, snapshot=True)]


async def test_only_what_was_asked_for_comes(autojump_clock: MockClock) -> None:
    hub, _ = make_hub()
    hub.put_status(STATUS)
    events = hub.subscribe(("job",))
    await take(events, 1)
    hub.put_task(TASK)
    hub.put_job(JOB)
    assert await take(events, 1) == [JobEvent(2, (JOB,))]


async def test_silence_is_filled_with_heartbeats(autojump_clock: MockClock) -> None:
    hub, _ = make_hub()
    events = hub.subscribe(("status",))
    start = trio.current_time()
    assert await take(events, 2) == [Heartbeat(1, 42), Heartbeat(2, 42)]
    assert trio.current_time() - start == 2 * HEARTBEAT_S


async def test_heartbeats_come_although_other_topics_are_busy(autojump_clock: MockClock) -> None:
    hub, _ = make_hub()
    events = hub.subscribe(("job",))
    await take(events, 1)

    async def busy() -> None:
        while True:
            hub.put_status(STATUS)
            await trio.sleep(0.05)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(busy)
        start = trio.current_time()
        assert await take(events, 1) == [Heartbeat(2, 42)]
        assert trio.current_time() - start < 2 * HEARTBEAT_S
        nursery.cancel_scope.cancel()


async def test_a_slow_subscriber_is_told_what_it_missed_and_gets_a_snapshot(autojump_clock: MockClock) -> None:
    hub, book = make_hub()
    events = hub.subscribe(("tasks", "job", "log"))
    await take(events, 3)
    for number in range(RECENT_TASKS_MAX + 10):
        hub.put_task(msgspec.structs.replace(TASK, id=f"t{number}"))
    for number in range(RECENT_JOBS_MAX + 1):
        hub.put_job(msgspec.structs.replace(JOB, id=f"j{number}"))
    for number in range(8):
        book.add(str(number))
    hub.log_changed()
    tasks_gap, tasks, jobs_gap, jobs, log_gap, log = await take(events, 6)
    assert tasks_gap == GapEvent(4, "tasks", 10)
    assert isinstance(tasks, TasksEvent)
    assert tasks.snapshot
    assert len(tasks.tasks) == RECENT_TASKS_MAX
    assert jobs_gap == GapEvent(6, "job", 1)
    assert isinstance(jobs, JobEvent)
    assert len(jobs.jobs) == RECENT_JOBS_MAX
    assert log_gap == GapEvent(8, "log", 3)
    assert log == LogEvent(9, tuple(book.lines), snapshot=True)


async def test_the_hub_does_not_grow(autojump_clock: MockClock) -> None:
    hub, _ = make_hub()
    for number in range(5000):
        hub.put_task(msgspec.structs.replace(TASK, id=f"t{number}"))
        hub.put_job(msgspec.structs.replace(JOB, id=f"j{number}"))
    assert len(hub.tasks(10_000)) == RECENT_TASKS_MAX
    assert hub.tasks(1)[0].id == "t4999"
    assert hub.job("j4999") is not None
    assert hub.job("j0") is None


async def test_the_log_may_grow_in_another_thread() -> None:
    hub, book = make_hub()
    events = hub.subscribe(("log",))
    await take(events, 1)

    def log() -> None:
        book.add("from a thread")
        hub.log_changed()

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, log)
            event = await anext(events)
    assert isinstance(event, LogEvent)
    assert event.lines[0].message == "from a thread"


def test_the_log_may_grow_before_and_after_the_loop_runs() -> None:
    hub, _ = make_hub()
    hub.log_changed()

    async def listen() -> None:
        await anext(hub.subscribe(("log",)))

    trio.run(listen)
    hub.log_changed()
