"""The doors for users and a miner's own time, on hosts in memory: collecting, promising, searching, wishing."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from node.gateway.generic import fill
from node.market.errors import BadRequest, NotFound
from node.primitives.types import AccountId, NetUid
from node.subnets.base import Empty
from node.subnets.data_universe import forms, miner, settings
from node.subnets.data_universe.adapters.base import CollectJob, CollectReport, Recheck
from node.subnets.data_universe.adapters.feed import FeedAdapter
from node.subnets.data_universe.adapters.files import FilesAdapter
from node.subnets.data_universe.collecting import Collector, with_job, without_job
from node.subnets.data_universe.entities import Entity, Source
from node.subnets.data_universe.errors import BadSource
from node.subnets.data_universe.evidence import look_again
from node.subnets.data_universe.fetching import WebClient
from node.subnets.data_universe.ledger import indexes_of
from node.subnets.data_universe.limits import AGE_HOURS_MAX
from node.subnets.data_universe.rehearsal import NOW_MS, TRUTH
from node.subnets.data_universe.room import Room
from node.subnets.data_universe.routes import LocalDesk, fold, to_reply, to_task
from node.subnets.data_universe.sample import use_folder, write_sample
from node.subnets.data_universe.subnet import DataUniverse
from node.subnets.lab.hosts import NoModels, key_of, view_of
from node.subnets.lab.world import World

VALIDATOR, MINER = key_of("validator").public, key_of("miner").public


class Town:
    """One miner and one validator."""

    def __init__(self) -> None:
        self.rules = DataUniverse(now_ms=lambda: NOW_MS)
        self.world = World(NoModels(), {MINER: self.rules})
        self.height = 0
        self.miner = self.world.host(MINER, self.rules)
        self.validator = self.world.host(VALIDATOR, self.rules)
        self.step()

    def step(self, blocks: int = 1) -> None:
        self.height += blocks
        self.world.at(view_of(NetUid(13), self.height, VALIDATOR, (MINER,)))

    def room(self, who: AccountId = MINER) -> Room:
        return self.rules.room(self.miner if who == MINER else self.validator)

    @property
    def desk(self) -> LocalDesk:
        return LocalDesk(self.rules.room)

    def close(self) -> None:
        self.rules.close()
        self.world.close()


@pytest.fixture
def town() -> Iterator[Town]:
    made = Town()
    yield made
    made.close()


async def filled(town: Town) -> None:
    shelf = await town.room().shelf()
    shelf.take_in(list(TRUTH[:100]))
    await town.rules.tick(town.miner)
    town.step()


# --- a miner's own time ---------------------------------------------------------------------------------------------


async def test_a_folder_becomes_rows_a_promise_and_a_validators_picture_of_it(town: Town, tmp_path: Path) -> None:
    assert write_sample(tmp_path / "texts", topics_max=5) == 5
    written_ms = int(1000 * (tmp_path / "texts").stat().st_mtime) + 1000
    town.close()
    town.rules = DataUniverse(now_ms=lambda: written_ms)
    town.world = World(NoModels(), {MINER: town.rules})
    town.miner, town.validator = (town.world.host(who, town.rules) for who in (MINER, VALIDATOR))
    town.step()
    use_folder(town.miner.folder, tmp_path / "texts")
    await town.rules.tick(town.miner)
    [kept] = indexes_of(town.world.state, MINER)
    assert kept.note.rows > 20
    assert {top.label for top in kept.note.top} == {"python reference"}
    await town.rules.tick(town.validator)
    holdings = await town.room(VALIDATOR).holdings()
    assert sum(each.rows for each in holdings.newest(MINER)) == kept.note.rows
    assert settings.read_status(town.miner.folder).jobs[0].new == kept.note.rows


async def test_a_promise_is_renewed_only_after_a_while(town: Town) -> None:
    await filled(town)
    for _ in range(3):
        await town.rules.tick(town.miner)
    assert len(indexes_of(town.world.state, MINER)) == 1
    town.step(50)
    await town.rules.tick(town.miner)
    assert len(indexes_of(town.world.state, MINER)) == 2


async def test_a_node_that_collects_nothing_makes_no_store(town: Town) -> None:
    await town.rules.tick(town.miner)
    assert list(town.miner.folder.iterdir()) == []


async def test_a_disk_that_is_nearly_full_pauses_collecting(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    async def collect(_host: Any, _room: Room) -> None:
        calls.append(1)

    own = miner.Miner(town.room(), collect=collect)
    monkeypatch.setattr(miner, "DISK_FREE_BYTES_MIN", 2**62)
    await own.step(town.miner, town.miner.view())
    assert (own.is_paused, calls) == (True, [])
    monkeypatch.setattr(miner, "DISK_FREE_BYTES_MIN", 0)
    await own.step(town.miner, town.miner.view())
    assert (own.is_paused, calls) == (False, [1])


async def test_above_the_cap_what_is_worth_least_goes_first(town: Town) -> None:
    shelf = await town.room().shelf()
    shelf.take_in(list(TRUTH))
    shelf.seal(MINER)
    used = shelf.store.database.used_bytes()
    now_hour = town.room().now_hour
    from node.subnets.data_universe.scoring import Job

    gone = miner.tidy(shelf, now_hour, [Job("science", 5.0)], int(used * 0.7))
    assert 0 < gone < len(TRUTH)
    shelf.seal(MINER)
    left = {each.name.label for each in shelf.store.sealed()}
    assert "science" in left
    rows = {label.label: label.rows for label in shelf.store.labels()}
    assert rows["science"] == 80, "what is wanted stays"
    assert miner.tidy(shelf, now_hour + AGE_HOURS_MAX + 100, [], 2**40) == sum(rows.values())


async def test_a_source_that_fails_is_told_and_tried_again_later(town: Town) -> None:
    room = town.room()
    settings.write_settings(room.folder, settings.Settings((CollectJob("feed", "http://127.0.0.1:9/x", "l"),)))
    status = await Collector().run(room)
    [job] = status.jobs
    assert job.failures == 1
    assert "private network" in job.problem
    assert job.next_ms > NOW_MS
    assert (await Collector().run(room)).jobs == status.jobs, "it is not due yet"


class _Defective(FeedAdapter):
    """An adapter with a fault of its own."""

    async def collect(self, job: CollectJob, since_minute: int, report: CollectReport) -> AsyncIterator[Entity]:
        raise KeyError("a case nobody thought of")
        yield

    async def recheck(self, uri: str) -> Recheck:
        raise KeyError(uri)


async def test_a_source_whose_adapter_fails_holds_up_no_other(town: Town, tmp_path: Path) -> None:
    (tmp_path / "pool").mkdir()
    (tmp_path / "pool" / "a.txt").write_text("a letter")
    files = FilesAdapter(dict, lambda: NOW_MS // 60_000)
    adapters = {Source.FEED: _Defective(WebClient(), lambda: 0), Source.FILES: files}
    room = Room(town.room().folder, adapters, lambda: NOW_MS)
    jobs = (CollectJob("feed", "http://e.example/x"), CollectJob("files", str(tmp_path / "pool")))
    settings.write_settings(room.folder, settings.Settings(jobs))
    broken, fine = (await Collector().run(room)).jobs
    assert (broken.failures, fine.failures) == (1, 0)
    assert "KeyError" in broken.problem


async def test_a_look_that_fails_here_leaves_a_row_unjudged_and_the_others_judged(tmp_path: Path) -> None:
    room = Room(tmp_path, {Source.FEED: _Defective(WebClient(), lambda: 0)}, lambda: NOW_MS)
    entity = Entity("http://e.example/x#item=1", Source.FEED, "l", NOW_MS // 60_000, "", "text")
    finding = await look_again(entity, room)
    assert finding.is_right is None
    assert "this validator" in finding.why


# --- settings -------------------------------------------------------------------------------------------------------


def test_sources_are_checked_added_once_and_removed(tmp_path: Path) -> None:
    empty = settings.read_settings(tmp_path)
    job = CollectJob("feed", "https://e.example/rss", "news")
    twice = with_job(with_job(empty, job), msgspec.structs.replace(job, label="other"))
    assert [each.label for each in twice.jobs] == ["other"]
    settings.write_settings(tmp_path, twice)
    assert settings.read_settings(tmp_path) == twice
    assert without_job(twice, job.target).jobs == ()
    with pytest.raises(BadSource):
        without_job(twice, "unknown")
    for bad in (
        CollectJob("ftp", "x"), CollectJob("feed", "x"), CollectJob("files", "/no/such/folder"),
        CollectJob("feed", job.target, "x" * 200), CollectJob("feed", job.target, every_minutes=0),
    ):  # fmt: skip
        with pytest.raises(BadSource):
            settings.write_settings(tmp_path, with_job(empty, bad))
    (tmp_path / settings.FILE).write_text("{")
    with pytest.raises(BadSource, match="damaged"):
        settings.read_settings(tmp_path)


# --- doors ----------------------------------------------------------------------------------------------------------


async def test_the_doors_tell_what_is_held(town: Town) -> None:
    await filled(town)
    stats = await town.desk.stats(town.miner, Empty())
    assert (stats.rows, stats.labels, stats.network_miners, stats.network_rows) == (100, 5, 1, 100)
    assert sum(stats.rows_by_day) == 100
    labels = (await town.desk.labels(town.miner, forms.LabelsRequest()))["labels"]
    assert sum(each.rows for each in labels) == 100
    assert (await town.desk.labels(town.miner, forms.LabelsRequest(source="hn")))["labels"] == []
    ages = (await town.desk.ages(town.miner, Empty()))["ages"]
    assert [each.days for each in ages] == [0, 1]


async def test_pages_of_a_query_follow_each_other(town: Town) -> None:
    await filled(town)
    seen: list[str] = []
    cursor = None
    while True:
        page = await town.desk.query(town.miner, forms.QueryRequest(label="Science", limit=7, cursor=cursor))
        seen += [row.uri for row in page.rows]
        cursor = page.cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 20
    word = TRUTH[0].content.split()[0]
    assert (await town.desk.query(town.miner, forms.QueryRequest(q=word))).rows


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"source": "reddit"}, "source"),
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"start": "soon"}, "start"),
        ({"start": "2024-01-02", "end": "2024-01-01"}, "start"),
        ({"label": "x" * 141}, "label"),
        ({"q": "x" * 300}, "q"),
    ],
)
async def test_a_query_that_makes_no_sense_names_its_field(town: Town, request_: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as told:
        await town.desk.query(town.miner, forms.QueryRequest(**request_))
    assert told.value.param == param
    if param not in ("q",):
        with pytest.raises(BadRequest):
            to_task(forms.OnDemandRequest(**request_), b"")


async def test_a_search_goes_to_miners_and_comes_back_as_one_list(town: Town) -> None:
    await filled(town)
    task = to_task(forms.OnDemandRequest(label="science", limit=5), b"e" * 32)
    task.check()
    neuron = town.miner.view().find(MINER)
    assert neuron is not None
    answer = await town.validator.ask(neuron, task)
    reply = fold([to_reply(part, MINER) for part in answer.parts])  # type: ignore[arg-type]
    assert len(reply.rows) == 5
    assert {row.label for row in reply.rows} == {"science"}
    assert answer.usage.units == 5


async def test_standing_orders_are_placed_counted_and_ended(town: Town) -> None:
    await filled(town)
    made = await town.desk.order(town.miner, forms.OrderRequest(labels=("Science",)))
    [order] = (await town.desk.orders(town.miner, Empty()))["tasks"]
    assert (order.id, order.labels, order.rows) == (made["id"], ("science",), 20)
    await town.desk.cancel(town.miner, forms.IdRequest(id=made["id"]))
    assert (await town.desk.orders(town.miner, Empty()))["tasks"] == []
    with pytest.raises(NotFound):
        await town.desk.cancel(town.miner, forms.IdRequest(id=made["id"]))
    for bad in (forms.OrderRequest(), forms.OrderRequest(labels=("a",), days=8)):
        with pytest.raises(BadRequest):
            await town.desk.order(town.miner, bad)


async def test_a_data_set_is_built_listed_and_given_to_everybody(town: Town) -> None:
    await filled(town)
    made = await town.desk.build(town.miner, forms.DatasetRequest(name="science", label="science", publish=True))
    assert made.rows == 20
    assert (await town.desk.datasets(town.miner, Empty()))["datasets"] == (made,)
    assert await town.desk.dataset(town.miner, forms.IdRequest(id=made.id)) == made
    [entry] = town.miner.journal.entries(MINER, kind="dataset")
    from node.subnets.data_universe.ledger import datasets_of

    [note] = datasets_of(town.world.state, entry.author)
    assert note.rows == 20
    assert await town.validator.blobs.get(note.blob, max_bytes=10**6)
    with pytest.raises(NotFound):
        await town.desk.dataset(town.miner, forms.IdRequest(id="none"))


async def test_wishes_are_said_in_the_journal_and_count_for_validators(town: Town) -> None:
    wishes = forms.WishesRequest(wishes=(forms.WishForm(label="Science", weight=0.5),))
    told = await town.desk.wish(town.validator, wishes)
    assert [(job.label, job.weight) for job in told.own] == [("science", 0.5)]
    town.step()
    counting = await town.desk.desirability(town.miner, Empty())
    assert [(job.label, job.weight) for job in counting.jobs] == [("science", 5.0)]
    for weight in (0.0, 1.5):
        with pytest.raises(BadRequest):
            await town.desk.wish(
                town.validator, forms.WishesRequest(wishes=(forms.WishForm(label="a", weight=weight),))
            )


def test_every_door_has_a_form_that_requests_over_http_fill(town: Town) -> None:
    paths = {(route.method, route.path) for route in (*town.rules.routes, *town.rules.local_routes)}
    assert len(paths) == len(town.rules.routes) + len(town.rules.local_routes) == 13
    assert fill(forms.QueryRequest, {}, [("q", "a"), ("limit", "7")], b"") == forms.QueryRequest(q="a", limit=7)
    with pytest.raises(BadRequest):
        fill(forms.QueryRequest, {}, [("nonsense", "1")], b"")
    with pytest.raises(BadRequest):
        fill(forms.OnDemandRequest, {}, [], b'{"limit": "many"}')


async def test_a_search_for_long_rows_fits_the_answer_to_a_challenge_and_counts_as_full(town: Town) -> None:
    from node.market.limits import ANSWER_BYTES_MAX
    from node.primitives.codec import encode
    from node.subnets.data_universe.entities import Source, make_entity
    from node.subnets.data_universe.judging import judge_answer

    text, minute = "\U0001f30b " * 6000, TRUTH[0].minute
    long = [make_entity(f"https://e.example/{n}", Source.WIKI, "long", minute, "", f"{n} {text}") for n in range(30)]
    shelf = await town.room().shelf()
    shelf.take_in([entity for entity in long if entity is not None])
    await town.rules.tick(town.miner)
    task = to_task(forms.OnDemandRequest(label="long", limit=30), b"")
    neuron = town.miner.view().find(MINER)
    assert neuron is not None
    answer = await town.validator.ask(neuron, task)
    assert 300_000 < sum(len(encode(part)) for part in answer.parts) < ANSWER_BYTES_MAX
    verdict = await judge_answer(task, answer, town.validator, town.room(VALIDATOR))
    assert verdict.score == 1.0
