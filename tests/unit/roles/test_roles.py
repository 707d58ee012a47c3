"""Miners and a validator over the memory network with the toy subnet: rounds, scores, audits, weights, draining."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import trio

from node.ledger.calls import ServeAxon, SetWeights
from node.market.book import ScoreBook
from node.market.call import open_call
from node.market.challenge import challenge_topic, make_challenge
from node.market.context import MarketContext
from node.market.errors import CallBroken, CallRefused
from node.market.standings import encode_book
from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.primitives.errors import LedgerError, NodeError, ServiceError
from node.primitives.types import AccountId, Height
from node.service.roles.miner import MinerRole
from node.service.roles.validator import ValidatorRole
from node.subnets.base import Code, Standing
from storage import MarketStore
from tests.unit.market.support import (
    GENESIS,
    NETUID,
    Doubling,
    NoModels,
    Number,
    World,
    ask_to_double,
    signer_of,
    until_drawing,
)


class Town:
    """A validator and miners as roles in one nursery."""

    def __init__(self, nursery: trio.Nursery, *, validator: Doubling | None = None, store: MarketStore | None = None):
        self.nursery = nursery
        self.world = World()
        self.rules = validator or Doubling()
        self.context = self.world.join("validator", permit=True)
        self.validator = ValidatorRole(self.context, self.rules, NoModels(), now_ms=lambda: 1, store=store)
        self.miners: dict[str, MinerRole] = {}
        self.contexts: dict[str, MarketContext] = {}

    async def open(self, **miners: Doubling) -> None:
        """Start the miners, then the validator."""
        for name, subnet in miners.items():
            self.contexts[name] = self.world.join(name)
            self.miners[name] = MinerRole(self.contexts[name], subnet, NoModels(), now_ms=lambda: 1)
            await self.nursery.start(self.miners[name].run)
        await self.nursery.start(self.validator.run)
        await until_drawing(self.world.chain)

    async def blocks(self, count: int, *, seconds: float = 12.0) -> None:
        """Make blocks, with time for work after each."""
        for _ in range(count):
            self.world.chain.advance()
            await trio.sleep(seconds)

    def key(self, name: str) -> AccountId:
        return self.contexts[name].hotkey

    def score(self, name: str) -> float:
        return self.validator.book().get(self.key(name), Standing()).score

    def calls(self, kind: type) -> list[tuple[Height, AccountId, object]]:
        return [entry for entry in self.world.chain.submitted if isinstance(entry[2], kind)]


@asynccontextmanager
async def town(*, validator: Doubling | None = None, store: MarketStore | None = None) -> AsyncIterator[Town]:
    async with trio.open_nursery() as nursery:
        yield Town(nursery, validator=validator, store=store)
        nursery.cancel_scope.cancel()


async def test_honest_miners_rise_to_one_and_a_cheat_stays_at_zero(autojump_clock: object) -> None:
    async with town() as t:
        await t.open(good=Doubling(), fine=Doubling(), cheat=Doubling(wrong=True))
        await t.blocks(25)
        assert t.score("good") > 0.9
        assert t.score("fine") > 0.9
        assert t.score("cheat") == 0.0
        assert t.validator.book()[t.key("cheat")].samples >= 4
        codes = {row.code for row in t.validator.tasks() if row.miner == t.key("cheat") and row.state == "done"}
        assert codes == {"WRONG"}


async def test_weights_are_set_once_an_epoch_in_time_and_in_integers(autojump_clock: object) -> None:
    async with town() as t:
        await t.open(good=Doubling(), cheat=Doubling(wrong=True))
        await t.blocks(33)
        sets = t.calls(SetWeights)
        assert len(sets) == 3
        good = next(row.uid for row in t.world.chain.rows if row.hotkey == t.key("good"))
        for height, signer, call in sets:
            assert isinstance(call, SetWeights)
            assert signer == t.context.hotkey
            assert 0 < t.world.chain.tempo_blocks - height % (t.world.chain.tempo_blocks + 1) <= 4
            assert (call.uids, call.values, call.version_key) == ((good,), (65535,), 3)
        assert t.validator.weights.last_set_height is not None


@pytest.mark.parametrize("refusal", [LedgerError("too early"), ServiceError("too early")], ids=["ledger", "pool"])
async def test_refused_weights_are_tried_again_and_the_reason_is_shown(
    refusal: NodeError, autojump_clock: object
) -> None:
    async with town() as t:
        await t.open(good=Doubling())
        await t.blocks(6)
        t.world.chain.refuse = refusal
        while not t.validator.weights.last_error:
            await t.blocks(1)
        assert "too early" in t.validator.weights.last_error
        t.world.chain.refuse = None
        await t.blocks(4)
        assert len(t.calls(SetWeights)) >= 1
        await t.blocks(1)
        assert t.validator.weights.last_error == ""


async def test_weights_that_never_reach_the_chain_are_sent_again(autojump_clock: object) -> None:
    async with town() as t:
        t.world.chain.tempo_blocks = 60
        await t.open(good=Doubling())
        await t.blocks(8)
        t.world.chain.apply_calls = False
        await t.blocks(70)
        heights = [height for height, _, _ in t.calls(SetWeights)]
        assert len(heights) >= 3
        assert all(later - earlier >= 3 for earlier, later in pairwise(heights))


async def test_a_validator_that_knows_nothing_abstains(autojump_clock: object) -> None:
    async with town() as t:
        await t.open(cheat=Doubling(wrong=True))
        await t.blocks(15)
        assert t.calls(SetWeights) == []
        assert t.validator.weights.abstained > 0


async def test_silence_is_a_miners_fault_only_when_another_answered(autojump_clock: object) -> None:
    async with town() as t:
        await t.open(slow=Doubling(delay_s=1000.0))
        await t.blocks(12)
        assert not any(row.samples or row.last_height for row in t.validator.book().values())
        assert {row.code for row in t.validator.tasks() if row.state == "done"} == {"UNCHECKABLE"}
    async with town() as t:
        await t.open(slow=Doubling(delay_s=1000.0), good=Doubling())
        await t.blocks(12)
        assert t.validator.book()[t.key("slow")].samples >= 1
        assert t.score("slow") == 0.0
        assert t.score("good") > 0.4


async def test_a_validators_own_failure_moves_no_score(autojump_clock: object) -> None:
    rules = Doubling()
    async with town(validator=rules) as t:
        await t.open(good=Doubling())
        await t.blocks(12)
        before = {hotkey: replace(row, recent=()) for hotkey, row in t.validator.book().items()}
        rules.judge_fault = RuntimeError("bug in the subnet")
        await t.blocks(12)
        assert {hotkey: replace(row, recent=()) for hotkey, row in t.validator.book().items()} == before
        assert {each.verdict.score for row in t.validator.book().values() for each in row.recent} == {1.0, None}
        assert t.validator.counters()["verdict.validator_fault"] >= 1


async def test_a_slow_judge_delays_neither_rounds_nor_answers(autojump_clock: object) -> None:
    rules = Doubling(judge_delay_s=50.0)
    async with town(validator=rules) as t:
        await t.open(good=Doubling(), fine=Doubling())
        await t.blocks(25, seconds=2.0)
        counters = t.validator.counters()
        assert counters["round.opened"] >= 5
        assert counters["answer.accepted"] == 2 * counters["round.opened"]
        assert sum(row.state == "judging" for row in t.validator.tasks()) >= 8


async def test_a_judge_that_hangs_is_given_up(autojump_clock: object) -> None:
    async with town(validator=Doubling(judge_delay_s=10_000.0)) as t:
        await t.open(good=Doubling())
        await t.blocks(30)
        assert t.validator.counters()["verdict.validator_fault"] >= 1
        assert not any(row.samples or row.last_height for row in t.validator.book().values())


async def test_only_a_validator_draws_challenges(autojump_clock: object) -> None:
    async with town() as t:
        await t.open(good=Doubling())
        t.world.chain.change(t.context.hotkey, validator_permit=False, stake_weight_rao=0)
        await t.blocks(12)
        assert t.validator.counters()["round.no_permit"] >= 2
        assert t.validator.counters()["round.opened"] == 0


async def test_users_calls_are_audited_by_the_judge(autojump_clock: object) -> None:
    async with town() as t:
        await t.open(cheat=Doubling(wrong=True))
        for n in range(40):
            async with aclosing(t.validator.door.ask(ask_to_double(n))) as parts:
                assert [part async for part in parts][-1].done
        await trio.sleep(10)
        counters = t.validator.counters()
        assert 2 <= counters["audit.taken"] <= 25
        assert counters["audit.taken"] + counters["audit.skipped"] == 40
        assert counters["verdict.wrong"] == counters["audit.taken"]
        assert {row.kind for row in t.validator.tasks()} == {"user", "audit"}


async def test_a_miner_answers_users_and_challenges_and_shows_both(autojump_clock: object) -> None:
    async with town() as t:
        await t.open(good=Doubling())
        await t.blocks(6)
        async with aclosing(t.validator.door.ask(ask_to_double(4))) as parts:
            assert [part.text async for part in parts] == ["8", "8", "8"]
        rows = t.miners["good"].tasks()
        assert {row.kind for row in rows} == {"user", "challenge"}
        assert all(row.state == "done" and row.code == "" for row in rows)


async def test_a_miner_ignores_challenges_meant_for_others_and_foreign_ones(autojump_clock: object) -> None:
    async with town() as t:
        await t.open(good=Doubling())
        for targets in ((AccountId(digest("test", b"other")),), (t.key("good"),)):
            challenge = make_challenge(t.context, 99, targets, Number(3))
            await t.context.network.publish(challenge_topic(GENESIS, NETUID), encode(challenge))
        await trio.sleep(5)
        counters = t.miners["good"].counters()
        assert counters["challenge.not_for_us"] == 1
        assert counters["challenge.sent.stale"] == 1  # nobody has opened that round
        await t.context.network.publish(challenge_topic(GENESIS, NETUID), b"garbage")
        await trio.sleep(5)
        assert t.miners["good"].counters()["challenge.malformed"] == 1


async def test_seats_publish_their_peer_once_and_again_only_when_it_changed(autojump_clock: object) -> None:
    async with town() as t:
        t.contexts["good"] = t.world.join("good", announced=False)
        role = MinerRole(t.contexts["good"], Doubling(), NoModels(), now_ms=lambda: 1)
        await t.nursery.start(role.run)
        t.world.chain.refuse = LedgerError("rate limit")
        await t.blocks(3)
        assert "rate limit" in role.announce_error
        t.world.chain.refuse = None
        await t.blocks(20)
        assert len(t.calls(ServeAxon)) == 1
        assert t.world.chain.rows[-1].peer_id == t.contexts["good"].network.peer_id
        assert role.announce_error == ""


async def test_a_drained_miner_finishes_what_runs_and_takes_nothing_new(autojump_clock: object) -> None:
    async with town() as t:
        await t.open(good=Doubling(delay_s=2.0))
        seat = t.world.neuron(t.contexts["good"])
        running = await open_call(t.context, t.rules, seat, Number(1, parts=3))
        await anext(running)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(t.miners["good"].drain)
            await trio.sleep(0.1)
            late = await open_call(t.context, t.rules, seat, Number(1))
            with pytest.raises(CallRefused) as caught:
                await late.collect()
            assert caught.value.refusal is Code.OVERLOADED
        assert (await running.collect()).usage.completion_tokens == 3


async def test_a_stopped_role_can_start_again_on_the_same_network(autojump_clock: object) -> None:
    async with town() as t:
        await t.open(good=Doubling())
        async with trio.open_nursery() as second:
            context = t.world.join("second")
            role = MinerRole(context, Doubling(), NoModels(), now_ms=lambda: 1)
            await second.start(role.run)
            second.cancel_scope.cancel()

        async def ask() -> int:
            call = await open_call(t.context, t.rules, t.world.neuron(context), Number(1))
            return (await call.collect()).usage.completion_tokens

        with pytest.raises(CallBroken):
            await ask()
        again = MinerRole(context, Doubling(), NoModels(), now_ms=lambda: 1)
        await t.nursery.start(again.run)
        assert await ask() == 1


async def test_the_book_survives_a_restart_and_the_work_is_in_the_journal(tmp_path: Path) -> None:
    with MarketStore.open(tmp_path / "market.sqlite") as store:
        async with town(store=store) as t:
            await t.open(good=Doubling(), cheat=Doubling(wrong=True))
            while t.score("good") < 0.5 or t.key("cheat") not in t.validator.book():
                t.world.chain.advance(5)
                await trio.sleep(0.01)
            async with aclosing(t.validator.door.ask(ask_to_double(4))) as parts:
                last = [part async for part in parts][-1]
            await t.validator.drain()
            saved = dict(t.validator.book())
        assert last.receipt is not None
        assert store.receipts.find(last.receipt) is not None
        assert {row.score for row in store.verdicts(100)} == {0.0, 1.0}
        assert {row.kind for row in store.tasks(100)} >= {"challenge"}
        async with town(store=store) as t:
            await t.open()
            assert dict(t.validator.book()) == saved


async def test_a_broken_store_stops_no_work(tmp_path: Path) -> None:
    store = MarketStore.open(tmp_path / "market.sqlite")
    async with town(store=store) as t:
        await t.open(good=Doubling())
        store.close()
        while t.validator.counters()["journal.failed"] == 0:
            await t.blocks(1, seconds=0.05)  # slowly: a challenge is fresh for three blocks
        assert t.score("good") > 0.0


async def test_a_miner_nobody_can_judge_any_more_fades(tmp_path: Path) -> None:
    with MarketStore.open(tmp_path / "market.sqlite") as store:
        gone = AccountId(digest("test", b"gone"))
        book = ScoreBook(0.5)
        book.restore([(gone, Standing(0.8, 9.0, Height(10)))])
        store.records(NETUID, signer_of("validator").public).open_epoch(1, encode_book(book))
        async with town(store=store) as t:
            await t.open()
            assert t.validator.book()[gone].score >= 0.4  # one epoch's end may have passed
            for _ in range(100):
                if t.validator.book()[gone].score < 0.3:
                    break
                await t.blocks(1, seconds=0.02)
            assert t.validator.book()[gone].score < 0.3
