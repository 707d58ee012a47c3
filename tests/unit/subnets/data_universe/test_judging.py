"""Verdicts in a small world in memory: what a miner promises, shows and keeps back, and what is made of it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from node.primitives.crypto import digest
from node.primitives.types import AccountId, NetUid
from node.subnets.base import Answer, Host, Neuron, Verdict
from node.subnets.data_universe import pay
from node.subnets.data_universe.entities import Entity, Source
from node.subnets.data_universe.ledger import indexes_of
from node.subnets.data_universe.messages import Commitment, DataTask, RowsAsk
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
