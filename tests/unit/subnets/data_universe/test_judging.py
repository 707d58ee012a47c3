"""Verdicts in a small world in memory: what a miner promises, shows and keeps back, and what is made of it."""

import time
import unicodedata
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
import trio
from msgspec import structs

from node.primitives.crypto import digest
from node.primitives.types import AccountId, NetUid
from node.subnets.base import Answer, Code, Host, Neuron, Usage, Verdict
from node.subnets.data_universe import pay
from node.subnets.data_universe.entities import Entity, Source
from node.subnets.data_universe.ledger import indexes_of
from node.subnets.data_universe.messages import Commitment, DataPart, DataTask, RowsAsk, SearchAsk, row_of
from node.subnets.data_universe.rehearsal import NOW_MS, TRUTH, KnownWorld
from node.subnets.data_universe.subnet import DataUniverse
from node.subnets.lab.hosts import NoModels, view_of
from node.subnets.lab.world import World

V, M = AccountId(b"v" * 32), AccountId(b"m" * 32)


@dataclass
class Scene:
    """One validator and one miner, with their doors."""

    world: World
    rules: DataUniverse
    validator: Host
    miner: Host

    @property
    def seat(self) -> Neuron:
        seat = self.validator.view().find(M)
        assert seat is not None
        return seat

    async def promise(self, rows: Sequence[Entity]) -> int:
        """Take rows in and promise all that is there; the number of the promise."""
        shelf = await self.rules.room(self.miner).shelf()
        shelf.take_in(rows)
        note = await self.rules.miner(self.miner).publish(self.miner, self.miner.view())
        assert note is not None
        return indexes_of(self.miner.view().state, M)[-1].sequence

    async def asked(self, task: DataTask) -> Answer:
        return await self.validator.ask(self.seat, task)

    async def judged(self, task: DataTask, answer: Answer) -> Verdict:
        return await self.rules.judge(task, answer, self.validator)


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    rules = DataUniverse(adapters=lambda _: {Source.FEED: KnownWorld()}, now_ms=lambda: NOW_MS)
    world = World(NoModels(), {M: rules})
    world.at(view_of(NetUid(13), 100, V, (M,)))
    try:
        yield Scene(world, rules, world.host(V, rules), world.host(M, rules))
    finally:
        rules.close()
        world.close()


def rows_task(sequence: int, seed: bytes = b"s") -> DataTask:
    return DataTask(rows=(RowsAsk(digest("seed", seed), 10, (Commitment(M, sequence),)),))


# --- what a promise is worth ----------------------------------------------------------------------------------------


async def test_a_larger_promise_made_after_the_question_does_not_raise_the_value_of_the_one_it_is_about() -> None:
    async with scene() as here:
        small = await here.promise(TRUTH[:40])
        task = rows_task(small)
        answer = await here.asked(task)
        before = await here.judged(task, answer)
        assert before.score == 1.0
        assert before.facts[pay.VALUE] > 0
        nowhere = [replace(each, uri=f"https://nowhere.example/{n}") for n, each in enumerate(TRUTH[40:])]
        await here.promise(nowhere)
        await here.rules.room(here.validator).fetch_indexes(here.validator, here.validator.view())
        after = await here.judged(task, answer)
        assert after.facts[pay.VALUE] == before.facts[pay.VALUE]


async def test_a_promise_that_is_fetched_to_judge_it_counts_at_once() -> None:
    async with scene() as here:
        first = await here.promise(TRUTH[:40])
        await here.promise(TRUTH[40:80])
        room = here.rules.room(here.validator)
        assert await room.values(here.validator.view()) == {}  # nothing of the miner is here yet
        task = rows_task(first)
        verdict = await here.judged(task, await here.asked(task))
        assert verdict.facts[pay.VALUE] > 0


# --- searches -------------------------------------------------------------------------------------------------------


def search_task(**changes: object) -> DataTask:
    ask = SearchAsk(Source.FEED, "science", (), (), "", "any", 0, 0, 400)
    return DataTask(search=(structs.replace(ask, **changes),))


def shown(rows: Sequence[Entity]) -> Answer:
    """An answer that shows these rows."""
    part = DataPart(0, True, Usage(units=len(rows)), rows=tuple(row_of(row) for row in rows))
    return Answer(M, (part,), part.usage, digest("answer", b"1"), b"", 1, 1)


SCIENCE = [row for row in TRUTH if row.label == "science"]
NEWEST, OLDEST = max(row.minute for row in SCIENCE), min(row.minute for row in SCIENCE)


@pytest.mark.parametrize(
    "narrowed",
    [
        {"keywords": ("unheard",)}, {"keywords": ("!?",)}, {"usernames": ("nobody",)}, {"url": "https://x.example/"},
        {"end": OLDEST - 60}, {"start": NEWEST + 60}, {"start": NEWEST - NEWEST % 60 + 59},
    ],
)  # fmt: skip
async def test_who_finds_nothing_for_a_narrow_search_of_a_label_it_holds_is_not_to_blame(
    narrowed: dict[str, object],
) -> None:
    async with scene() as here:
        await here.promise(SCIENCE)
        await here.rules.room(here.validator).fetch_indexes(here.validator, here.validator.view())
        task = search_task(**narrowed)
        answer = await here.asked(task)
        assert answer.usage.units == 0
        verdict = await here.judged(task, answer)
        assert (verdict.score, verdict.code) == (None, Code.NO_DATA)


@pytest.mark.parametrize("open_to_all", [{}, {"start": OLDEST - OLDEST % 60, "end": NEWEST + 60}])
async def test_who_keeps_back_what_its_own_index_lists_is_to_blame(open_to_all: dict[str, object]) -> None:
    async with scene() as here:
        await here.promise(SCIENCE)
        await here.rules.room(here.validator).fetch_indexes(here.validator, here.validator.view())
        verdict = await here.judged(search_task(**open_to_all), shown(()))
        assert (verdict.score, verdict.code) == (0.0, Code.NO_DATA)


async def test_rows_without_the_words_that_were_asked_for_are_no_answer() -> None:
    async with scene() as here:
        words = SCIENCE[0].content.split()
        await here.promise(SCIENCE)
        for mode, keywords in (("any", (words[0].upper(), "unheard")), ("all", (words[0], f"{words[1]} {words[2]}"))):
            task = search_task(keywords=keywords, mode=mode)
            verdict = await here.judged(task, await here.asked(task))
            assert verdict.code is Code.OK, (mode, verdict)
        for mode, keywords in (("any", ("unheard", "of")), ("all", (words[0], "unheard")), ("any", ("?",))):
            verdict = await here.judged(search_task(keywords=keywords, mode=mode), shown(SCIENCE[:5]))
            assert (verdict.score, verdict.code) == (0.0, Code.WRONG), mode


async def test_words_are_found_whatever_their_case_accents_and_signs() -> None:
    texts = ("Ein CAFÉ an der Straße", "foo_bar und Ὀδυσσεύς", "cafe\u0301 zero")
    rows = [replace(SCIENCE[n], content=unicodedata.normalize("NFC", text)) for n, text in enumerate(texts)]
    async with scene() as here:
        await here.promise(rows)
        for keyword in ("cafe", "Café", "STRAßE", "foo_bar", "foo bar", "ὈΔΥΣΣΕΎΣ", "οδυσσευς", "the-cafe", "zero"):
            task = search_task(keywords=(keyword,))
            answer = await here.asked(task)
            verdict = await here.judged(task, answer)
            assert verdict.code is not Code.WRONG, keyword


async def test_a_few_true_rows_before_many_forged_ones_do_not_hide_them() -> None:
    """Two rows of some are looked at; that both are of the five true ones among 400 happens once in 8 000 times."""
    async with scene() as here:
        true = [replace(row, label="science") for row in TRUTH]
        forged = [replace(row, content=f"forged {row.uri} " + row.content) for row in true[5:]]
        verdict = await here.judged(search_task(), shown([*true[:5], *forged]))
        assert verdict.code is Code.FORGED
        assert verdict.facts[pay.DEMAND] == 0.0


async def test_an_index_that_the_judge_and_the_tick_fetch_at_once_is_written_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scene() as here:
        await here.promise(TRUTH[:40])
        room, view = here.rules.room(here.validator), here.validator.view()
        holdings = await room.holdings()
        writing, written, put = 0, 0, holdings.put

        def slowly(*args: Any) -> None:
            nonlocal writing, written
            writing += 1
            written += 1
            time.sleep(0.05)
            assert writing == 1, "both write into one file"
            put(*args)
            writing -= 1

        monkeypatch.setattr(holdings, "put", slowly)
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(room.fetch, here.validator, M, indexes_of(view.state, M)[-1])
        assert written == 1
