"""The subnet in the workbench: a small world whose truth is known, honest miners, and cheats that know the rules.

Every cheat promises an index like anybody and keeps the form of all messages. Nothing here is part of a running node.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.primitives.errors import MarketError
from node.primitives.types import AccountId
from node.subnets.base import Host, Stage
from node.subnets.data_universe.adapters.base import Adapter, CollectJob, CollectReport, Look, Recheck
from node.subnets.data_universe.entities import Entity, Source, make_entity
from node.subnets.data_universe.ledger import indexes_of
from node.subnets.data_universe.messages import INDEX_KIND, DataPart, DataTask, RowsAsk
from node.subnets.data_universe.room import Room, in_thread
from node.subnets.data_universe.shelf import stored
from node.subnets.data_universe.subnet import DataUniverse

NOW_MS: Final = 1_700_000_000_000
_NOW_HOUR: Final = NOW_MS // 3_600_000
_ROWS: Final = 400
_HOURS: Final = 36
_LABELS: Final = ("science", "markets", "football", "weather", "music")
_WORDS: Final = (
    "river", "signal", "market", "garden", "engine", "window", "letter", "planet", "copper", "harbour", "violin",
    "winter", "budget", "forest", "camera", "bridge", "pepper", "island", "museum", "ticket", "pilot", "canvas",
    "thunder", "recipe", "marble", "orchard", "lantern", "compass", "meadow", "saddle", "granite", "cinema",
)  # fmt: skip
_FAKES: Final = 200
Loot = Callable[[AccountId], Sequence[Entity]]


def _made(uri: str, label: str, minute: int, author: str, text: str) -> Entity:
    entity = make_entity(uri, Source.FEED, label, minute, author, text)
    if entity is None:
        raise ValueError("a row of the rehearsal is empty")
    return entity


def _words(name: str, count: int) -> str:
    drawn = digest("du-rehearsal", name.encode()) + digest("du-rehearsal", name.encode(), b"more")
    return " ".join(f"{_WORDS[drawn[n % 64] % len(_WORDS)]}{drawn[(n * 7) % 64]}" for n in range(count))


TRUTH: Final = tuple(
    _made(
        f"https://news.example/{n}", _LABELS[n % len(_LABELS)], (_NOW_HOUR - n % _HOURS) * 60 + n % 60,
        f"author{n % 9}", _words(str(n), 20 + n % 30),
    )
    for n in range(_ROWS)
)  # fmt: skip
_FILLER: Final = tuple(
    _made(f"https://filler.example/{n}", "science", _NOW_HOUR * 60, "me", "buy now best offer today " * 40 + str(n))
    for n in range(_FAKES)
)
_PLACES: Final = {entity.uri: entity for entity in (*TRUTH, *_FILLER)}


class KnownWorld:
    """The source of the rehearsal: places that say what is true, and nothing anywhere else."""

    source = Source.FEED

    async def collect(
        self, job: CollectJob, since_minute: int, report: CollectReport
    ) -> AsyncIterator[Entity]:  # pragma: no cover - the rehearsal's miners are given their rows
        for entity in TRUTH:
            yield entity

    def canonical(self, uri: str) -> str:
        return uri

    async def recheck(self, uri: str) -> Recheck:
        found = _PLACES.get(uri)
        return Recheck(Look.GONE) if found is None else Recheck(Look.FOUND, found)


def honest_loot(hotkey: AccountId) -> Sequence[Entity]:
    """Three quarters of the truth, others for each miner."""
    return [each for each in TRUTH if digest("du-rehearsal", hotkey, each.uri.encode())[0] < 192]


def _forged(hotkey: AccountId) -> Sequence[Entity]:
    """Real places with content of one's own, longer than the real one."""
    return [replace(each, content=_words(f"forged {each.uri}", 300)) for each in TRUTH]


def _invented(hotkey: AccountId) -> Sequence[Entity]:
    """Some truth, and nine times as much that is nowhere."""
    nowhere = [
        _made(f"https://nowhere.example/{n}", each.label, each.minute, "x", _words(f"invented {n}", 300))
        for n, each in enumerate(TRUTH)
    ]
    return [*TRUTH[: _ROWS // 10], *nowhere]


def _stale(hotkey: AccountId) -> Sequence[Entity]:
    """What was true two months ago."""
    return [replace(each, minute=each.minute - 60 * 24 * 60) for each in TRUTH]


def _future(hotkey: AccountId) -> Sequence[Entity]:
    """The truth, dated next week, so that it never gets old."""
    return [replace(each, minute=each.minute + 7 * 24 * 60) for each in TRUTH]


def _collector(loot: Loot, swollen: int = 1) -> Callable[[Host, Room], Any]:
    """Takes the loot in once; `swollen` exaggerates what every row counts for."""

    async def collect(host: Host, room: Room) -> None:
        seat = host.view().find(host.hotkey)
        if seat is None or seat.validator_permit:
            return
        shelf = await room.shelf()
        if not await in_thread(shelf.store.count):
            rows = [stored(entity) for entity in loot(host.hotkey)]
            await in_thread(shelf.store.ingest, [row._replace(size=row.size * swollen) for row in rows])

    return collect


class Copied(DataUniverse):
    """Promises another miner's index as its own and passes questions on to him."""

    async def tick(self, host: Host) -> None:
        view = host.view()
        others = (n.hotkey for n in view.neurons if n.hotkey != host.hotkey)
        victim = next((kept for other in others if (kept := indexes_of(view.state, other))), None)
        if victim and not indexes_of(view.state, host.hotkey):
            await host.journal.append(INDEX_KIND, encode(victim[-1].note))

    async def serve(self, task: DataTask, host: Host) -> AsyncGenerator[DataPart, None]:
        view = host.view()
        for neuron in view.neurons:
            if neuron.hotkey == host.hotkey or not indexes_of(view.state, neuron.hotkey):
                continue
            asked = task
            if isinstance(task.ask, RowsAsk):
                own = [each for each in task.ask.committed if each.miner == neuron.hotkey]
                asked = DataTask(rows=(RowsAsk(task.ask.seed, task.ask.count, tuple(own)),))
            try:
                answer = await host.ask(neuron, asked)
            except MarketError:
                continue
            for part in answer.parts:
                if isinstance(part, DataPart):
                    yield part
            return


def stage() -> Stage:
    """The rules on the known world, and everything that was thought of against them."""

    def now_ms() -> int:
        return NOW_MS

    made: list[DataUniverse] = []

    def rules(kind: type[DataUniverse], loot: Loot, swollen: int = 1) -> DataUniverse:
        adapters: dict[Source, Adapter] = {Source.FEED: KnownWorld()}
        made.append(kind(adapters=lambda _folder: adapters, collect=_collector(loot, swollen), now_ms=now_ms))
        return made[-1]

    cheats = {
        "filler": rules(DataUniverse, lambda _: _FILLER),
        "oversized": rules(DataUniverse, honest_loot, swollen=5),
        "copied index": rules(Copied, lambda _: ()),
        "forged rows": rules(DataUniverse, _forged),
        "invented rows": rules(DataUniverse, _invented),
        "stale data": rules(DataUniverse, _stale),
        "future dates": rules(DataUniverse, _future),
    }

    def close() -> None:
        for each in made:
            each.close()

    return Stage(rules(DataUniverse, honest_loot), cheats, close)
