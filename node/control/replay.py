"""Plays a recorded session: a client that answers from a file, at any speed, from any moment.

It is a client like the one of a running node, so that the window cannot tell them apart. It must never change anything:
whatever is no read is refused with a sentence that says so.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar, cast

import msgspec

from node.control.catalogue import READS
from node.control.client_async import AsyncClient
from node.control.errors import BadRecording, ProtocolError, RemoteError
from node.control.events import AnyEvent, Heartbeat, JobEvent, LogEvent, StatusEvent, TasksEvent
from node.control.limits import CALL_TIMEOUT_S, RECENT_JOBS_MAX, RECENT_TASKS_MAX, REPLAY_SPEED_MAX
from node.control.methods import METHOD_OF
from node.control.protocol import decode_result
from node.control.recording import Entry, Header, canonical
from node.control.requests import Request
from node.control.schema import (
    LOG_LEVELS,
    AskPart,
    ChatMessage,
    ErrorView,
    Hello,
    Job,
    LogLevel,
    LogLine,
    NodeStatus,
    Task,
    Topic,
)

R = TypeVar("R")
T = TypeVar("T")
REPLAY_WORDS: Final = "This is a replay of a recorded session: nothing can be changed."
_STEP_S: Final = 0.1
_FIRST_LOG_LINES: Final = 200  # what a subscription begins with
_EVENT: Final = msgspec.json.Decoder(AnyEvent)
_VIEW: Final = msgspec.json.Decoder(ErrorView)
_HELLO: Final = msgspec.json.Decoder(Hello)


class Tape:
    """The entries of a recording, found by time and by question. Answers are decoded when they are asked for."""

    def __init__(self, header: Header, entries: Sequence[Entry]) -> None:
        """Raises BadRecording when no node introduces itself, or an event is none."""
        self.header = header
        self.length_ms = entries[-1].t if entries else 0
        self.events: list[tuple[int, AnyEvent]] = []
        self._links: list[tuple[int, bool]] = [(0, True)]
        self._answers: dict[tuple[str, bytes], tuple[list[int], list[Entry]]] = {}
        hello: Hello | None = None
        try:
            for entry in entries:
                if entry.kind == "hello":
                    hello = hello or _HELLO.decode(entry.data)
                elif entry.kind == "event":
                    self.events.append((entry.t, _EVENT.decode(entry.data)))
                elif entry.kind == "link":
                    self._links.append((entry.t, bytes(entry.data) == b"true"))
                else:
                    times, found = self._answers.setdefault((entry.method, bytes(entry.params)), ([], []))
                    times.append(entry.t)
                    found.append(entry)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadRecording(f"An entry is not what this version of neurond says: {error}.") from error
        if hello is None:
            raise BadRecording("No node introduces itself in this recording.")
        self.hello = hello

    @property
    def reads(self) -> tuple[str, ...]:
        """The names of the reads that it has answers to."""
        return tuple(sorted({method for method, _ in self._answers}))

    def connected(self, at_ms: int) -> bool:
        """Tell whether the node answered at a time."""
        return self._links[bisect_right(self._links, at_ms, key=lambda each: each[0]) - 1][1]

    def answer(self, method: str, params: bytes, at_ms: int) -> Entry | None:
        """Return what was answered last at a time; before the first answer, that one; None when it was never asked."""
        found = self._answers.get((method, params))
        if found is None:
            return None
        times, entries = found
        return entries[max(0, bisect_right(times, at_ms) - 1)]

    def index(self, at_ms: int) -> int:
        """Return how many events are not after a time."""
        return bisect_right(self.events, at_ms, key=lambda each: each[0])


class Player:
    """The moment that is played: it runs with `clock_s`, can be held and moved, and stops at the end."""

    def __init__(self, tape: Tape, clock_s: Callable[[], float], *, speed: float = 1.0, at_ms: int = 0) -> None:
        self.tape = tape
        self.speed = min(max(speed, 1 / REPLAY_SPEED_MAX), REPLAY_SPEED_MAX)
        self.seeks = 0
        """How often the moment was moved: whoever follows begins anew when it has changed."""
        self._clock_s = clock_s
        self._from_ms = min(max(0, at_ms), tape.length_ms)
        self._since_s: float | None = clock_s()

    @property
    def at_ms(self) -> int:
        """The moment, in ms since the beginning of the recording."""
        if self._since_s is None:
            return self._from_ms
        played_ms = int((self._clock_s() - self._since_s) * 1000 * self.speed)
        return min(self._from_ms + max(0, played_ms), self.tape.length_ms)

    @property
    def paused(self) -> bool:
        return self._since_s is None

    @property
    def ended(self) -> bool:
        return self.at_ms >= self.tape.length_ms

    def pause(self) -> None:
        """Hold, or go on."""
        self._from_ms = self.at_ms
        self._since_s = self._clock_s() if self.paused else None

    def set_speed(self, speed: float) -> None:
        """Play so many times as fast from here."""
        self._from_ms = self.at_ms
        self._since_s = None if self.paused else self._clock_s()
        self.speed = min(max(speed, 1 / REPLAY_SPEED_MAX), REPLAY_SPEED_MAX)

    def seek(self, at_ms: int) -> None:
        """Go to a moment, within the recording."""
        self._from_ms = min(max(0, at_ms), self.tape.length_ms)
        self._since_s = None if self.paused else self._clock_s()
        self.seeks += 1


class ReplayClient(AsyncClient):
    """A client of a node that is only a recording."""

    def __init__(self, player: Player) -> None:
        super().__init__(Path(player.tape.hello.home))
        self.player = player

    @property
    def connected(self) -> bool:
        return self.player.tape.connected(self.player.at_ms)

    @property
    def last_hello(self) -> Hello:
        return self.player.tape.hello

    @property
    def age_s(self) -> float:
        return 0.0

    @property
    def stale(self) -> bool:
        return not self.connected

    async def connect(self) -> Hello:
        return self.player.tape.hello

    async def aclose(self) -> None:
        """There is nothing to hang up."""

    async def call(self, request: Request[R], timeout_s: float = CALL_TIMEOUT_S) -> R:
        """Answer what was recorded at this moment. Raises RemoteError for what was not, and for every change."""
        await asyncio.sleep(0)
        name = METHOD_OF[type(request)].name
        if name not in READS:
            raise RemoteError(ErrorView("replay", REPLAY_WORDS, "Open the window on a running node to do this."))
        found = self.player.tape.answer(name, canonical(request), self.player.at_ms)
        if found is None:
            if name == "status":
                return cast(R, self._status())
            raise RemoteError(ErrorView("not_recorded", f"The recording has no answer to this ({name})."))
        if found.kind == "refused":
            raise RemoteError(_view(found))
        return cast(R, decode_result(request, found.data))

    async def ask(
        self,
        messages: Sequence[ChatMessage],
        model: str | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
    ) -> AsyncGenerator[AskPart, None]:
        raise RemoteError(ErrorView("replay", REPLAY_WORDS, "Open the window on a running node to ask it."))
        yield AskPart()  # makes this a generator, as the real one is

    async def subscribe(self, topics: Sequence[Topic], level: LogLevel = "info") -> AsyncGenerator[AnyEvent, None]:
        """Yield how things were at this moment, then what happened, as time passes; anew after every seek."""
        wanted, floor = frozenset(topics), LOG_LEVELS.index(level)
        while True:
            seeks, at_ms = self.player.seeks, self.player.at_ms
            for event in snapshots(self.player.tape, at_ms):
                for shown in _wanted(event, wanted, floor):
                    yield shown
            index = self.player.tape.index(at_ms)
            while self.player.seeks == seeks:
                upto = self.player.tape.index(self.player.at_ms)
                for _, event in self.player.tape.events[index:upto]:
                    for shown in _wanted(event, wanted, floor):
                        yield shown
                index = max(index, upto)
                await asyncio.sleep(_STEP_S)

    def _status(self) -> NodeStatus:
        for _, event in reversed(self.player.tape.events[: self.player.tape.index(self.player.at_ms)]):
            if isinstance(event, StatusEvent):
                return event.status
        raise RemoteError(ErrorView("not_recorded", "The recording has no status yet."))


def snapshots(tape: Tape, at_ms: int) -> list[AnyEvent]:
    """Return events that say how everything was at a time, as a subscription begins."""
    status: NodeStatus | None = None
    lines: list[LogLine] = []
    tasks: dict[str, Task] = {}
    jobs: dict[str, Job] = {}
    for _, event in tape.events[: tape.index(at_ms)]:
        match event:
            case StatusEvent():
                status = event.status
            case LogEvent():
                lines = [*(() if event.snapshot else lines[-_FIRST_LOG_LINES:]), *event.lines]
            case TasksEvent():
                tasks = {} if event.snapshot else tasks
                _take(tasks, ((f"{each.id} {each.miner}", each) for each in event.tasks), RECENT_TASKS_MAX)
            case JobEvent():
                jobs = {} if event.snapshot else jobs
                _take(jobs, ((each.id, each) for each in event.jobs), RECENT_JOBS_MAX)
    found: list[AnyEvent] = [] if status is None else [StatusEvent(0, status)]
    return [
        *found,
        LogEvent(0, tuple(lines[-_FIRST_LOG_LINES:]), snapshot=True),
        TasksEvent(0, tuple(tasks.values()), snapshot=True),
        JobEvent(0, tuple(jobs.values()), snapshot=True),
    ]


def _take(kept: dict[str, T], items: Iterator[tuple[str, T]], count_max: int) -> None:
    for key, item in items:
        kept.pop(key, None)
        kept[key] = item
        if len(kept) > count_max:
            del kept[next(iter(kept))]


def _wanted(event: AnyEvent, topics: frozenset[Topic], floor: int) -> Iterator[AnyEvent]:
    """The event as a subscriber to `topics` with a log level sees it, or nothing."""
    match event:
        case StatusEvent() if "status" in topics:
            yield event
        case TasksEvent() if "tasks" in topics:
            yield event
        case JobEvent() if "job" in topics:
            yield event
        case LogEvent() if "log" in topics:
            lines = tuple(each for each in event.lines if LOG_LEVELS.index(each.level) >= floor)
            if lines or event.snapshot:
                yield msgspec.structs.replace(event, lines=lines)
        case Heartbeat():
            yield event
        case _:
            return


def _view(entry: Entry) -> ErrorView:
    try:
        return _VIEW.decode(entry.data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProtocolError("The recording has a refusal that is none.") from error
