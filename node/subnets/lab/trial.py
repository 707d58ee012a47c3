"""A trial of a subnet's rules: real challenges, honest and dishonest miners, the real desk, book and weights.

Answers go through the same checks of form and signature as on the network, verdicts through the same averages. Only the
network is missing: answers arrive after the time that their miner took, or claims.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import trio

from node.market.book import ScoreBook
from node.market.challenge import AnswerDesk, Round
from node.market.errors import MalformedMessage, ServeFailed
from node.market.frames import CHALLENGE_BYTES_MAX, sign_challenge_answer
from node.market.judge import judge
from node.market.record import booked_line, judged_of
from node.market.rounds import silence
from node.market.weights import shares_of, weight_vector
from node.primitives.codec import encode
from node.primitives.crypto import Ed25519Signer, digest
from node.primitives.limits import ANSWER_PART_BYTES_MAX
from node.primitives.types import AccountId, Height
from node.subnets.base import (
    Answer,
    AnySubnet,
    Code,
    Message,
    ModelPool,
    Part,
    Standing,
    Usage,
    Verdict,
    View,
    decode_message,
)
from node.subnets.lab.hosts import key_of, view_of
from node.subnets.lab.limits import EVIDENCE_KEPT
from node.subnets.lab.miners import WAYS, Honest, Miner, Reply, Way, make_miner
from node.subnets.lab.world import World

JUDGE_TIMEOUT_S: Final = 60.0
HONEST: Final = 2  # so that a copier has somebody else to copy from
PAID_SHARE: Final = 0.1  # of an honest miner's pay; who gets no more is caught


@dataclass(slots=True)
class MinerRecord:
    """What one miner did and earned; `pay` is its share of what all miners get, `of_honest` of an honest one's."""

    name: str
    way: str  # a `Way`, or a cheat of the subnet's own
    hotkey: AccountId
    asked: int = 0
    answered: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    evidence: list[str] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    score: float = 0.0
    weight: int = 0
    pay: float = 0.0
    of_honest: float = 0.0

    @property
    def is_caught(self) -> bool:
        """Whether cheating does not pay; true of no honest miner that earns."""
        return self.of_honest <= PAID_SHARE


@dataclass(slots=True)
class Trial:
    """The outcome: a record of each miner, rounds played and left out, and defects of the subnet's program."""

    rounds: int
    skipped: int
    miners: tuple[MinerRecord, ...]
    problems: tuple[str, ...]
    seconds: float

    @property
    def uncaught(self) -> tuple[str, ...]:
        """The dishonest ways that pay."""
        return tuple(miner.name for miner in self.miners if miner.way != "honest" and not miner.is_caught)


async def run_trial(
    subnet: AnySubnet,
    models: ModelPool,
    *,
    rounds: int,
    ways: Sequence[Way] = WAYS,
    seed: str = "",
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Trial:
    """Play challenges to two honest miners and one of each other way; faults of the subnet are told, not raised."""
    return await _Trial(subnet, models, tuple(way for way in ways if way != "honest"), seed).run(rounds, progress)


class _Trial:
    def __init__(self, subnet: AnySubnet, models: ModelPool, cheats: tuple[Way, ...], seed: str) -> None:
        stage = subnet.stage()
        self._close = stage.close
        self._subnet: AnySubnet = stage.rules
        self._seed = seed
        self._rules: dict[AccountId, AnySubnet] = {}
        self._world = World(models, self._rules)
        self._validator = key_of(f"{seed}validator")
        named: list[tuple[str, Way]] = [(f"honest {n}", "honest") for n in range(1, HONEST + 1)]
        named += [(way, way) for way in cheats]
        self._keys: dict[AccountId, Ed25519Signer] = {}
        self._records: dict[AccountId, MinerRecord] = {}
        self._miners: dict[AccountId, Miner] = {}
        for name, way in named:
            key = key_of(f"{seed}{name}")
            victim = next(iter(self._keys), key.public)
            self._keys[key.public] = key
            self._records[key.public] = MinerRecord(name, way, key.public)
            self._rules[key.public] = self._subnet
            self._miners[key.public] = make_miner(way, self._subnet, key.public, victim)
        for name, rules in stage.cheats.items():
            key = key_of(f"{seed}{name}")
            self._keys[key.public] = key
            self._records[key.public] = MinerRecord(name, name, key.public)
            self._rules[key.public] = rules
            self._miners[key.public] = make_miner("honest", rules, key.public, key.public)
        self._book = ScoreBook(subnet.spec.alpha)
        self._desk = AnswerDesk(subnet)
        self._problems: dict[str, None] = {}

    async def run(self, rounds: int, progress: Callable[[int, int], None]) -> Trial:
        try:
            return await self._run(rounds, progress)
        finally:
            self._close()
            self._world.close()

    async def _run(self, rounds: int, progress: Callable[[int, int], None]) -> Trial:
        began_s, skipped = trio.current_time(), 0
        for number in range(rounds):
            height = 1 + number * self._subnet.spec.challenge_blocks
            netuid = self._subnet.spec.home_netuid
            view = self._world.at(view_of(netuid, height, self._validator.public, tuple(self._keys)))
            view = await self._tick(view)
            task = self._draw(number, view)
            if task is None:
                skipped += 1
            else:
                await self._play(number, Height(height), task)
            progress(number + 1, rounds)
        self._pay(self._world.at(view_of(self._subnet.spec.home_netuid, 1, self._validator.public, tuple(self._keys))))
        records = tuple(self._records.values())
        return Trial(rounds, skipped, records, tuple(self._problems), trio.current_time() - began_s)

    # --- a round ----------------------------------------------------------------------------------------------------

    async def _tick(self, view: View) -> View:
        """Everybody's own work, miners' first; what it did to the journals is in the returned view."""
        for hotkey, rules in (*self._rules.items(), (self._validator.public, self._subnet)):
            try:
                await rules.tick(self._world.host(hotkey, rules))
            except Exception as error:
                self._blame(f"tick: {error!r}")
        return self._world.at(view)

    def _draw(self, number: int, view: View) -> Message | None:
        seed = digest("lab-round", self._seed.encode(), number.to_bytes(8, "big"))
        try:
            task, again = self._subnet.draw(seed, view), self._subnet.draw(seed, view)
            if task is None:
                return None
            if again != task:
                self._blame("draw: two draws of one seed differ; it may use its arguments and nothing else")
            decode_message(self._subnet.Task, encode(task), max_bytes=CHALLENGE_BYTES_MAX)
        except MalformedMessage as error:
            self._blame(f"draw: the task breaks its own rules: {error.message}")
            return None
        except Exception as error:
            self._blame(f"draw: {error!r}")
            return None
        drawn: Message = task
        return drawn

    async def _play(self, number: int, height: Height, task: Message) -> None:
        question = digest("lab-question", self._seed.encode(), number.to_bytes(8, "big"), encode(task))
        opened = Round(question, number, height, task, tuple(self._keys), trio.current_time())
        self._desk.open(opened)
        for hotkey in self._keys:
            await self._answer(opened, hotkey)
        self._desk.close(opened)
        for hotkey, record in self._records.items():
            record.asked += 1
            answer = opened.answers.get(hotkey)
            verdict = await self._verdict(task, answer, anyone=bool(opened.answers))
            record.answered += answer is not None
            record.codes[verdict.code.name] += 1
            record.verdicts.append(verdict)
            if verdict.evidence and verdict.evidence not in record.evidence and len(record.evidence) < EVIDENCE_KEPT:
                record.evidence.append(verdict.evidence)
            judged = judged_of(booked_line(question, "challenge", hotkey, verdict, height, answer))
            self._book.record(hotkey, judged.verdict, height, judged)

    async def _answer(self, opened: Round, hotkey: AccountId) -> None:
        """Let one miner answer; what arrives in time goes over the desk as bytes."""
        try:
            reply = await self._miners[hotkey](self._honest_for(opened.task))
        except MalformedMessage as error:
            return self._blame(f"serve: a part breaks its own rules: {error.message}")
        except ServeFailed as error:
            is_honest = self._rules[hotkey] is self._subnet
            return self._blame(f"serve: refused: {error.message}") if is_honest else None
        except Exception as error:
            return self._blame(f"serve: {error!r}")
        if reply is None or reply.after_ms > self._subnet.spec.timeout_s * 1000:
            return None
        signed = sign_challenge_answer(opened.digest, reply.parts, reply.usage, self._keys[hotkey])
        opened.started = trio.current_time() - reply.after_ms / 1000
        code, _ = self._desk.accept(encode(signed))
        if code is not Code.OK:
            self._records[hotkey].codes[f"({code.name})"] += 1
            if self._records[hotkey].way == "honest":
                self._blame(f"serve: an honest answer is refused at the desk as {code.name}")
        return None

    def _honest_for(self, task: Message) -> Honest:
        async def honest(hotkey: AccountId) -> Reply:
            began_s = trio.current_time()
            parts: list[Part] = []
            rules = self._rules[hotkey]
            async for part in rules.serve(task, self._world.host(hotkey, rules)):
                decode_message(self._subnet.Part, encode(part), max_bytes=ANSWER_PART_BYTES_MAX)
                parts.append(part)
            usage = parts[-1].usage if parts else Usage()
            took_ms = int((trio.current_time() - began_s) * 1000)
            return Reply(tuple(map(encode, parts)), usage, took_ms)

        return honest

    async def _verdict(self, task: Message, answer: Answer | None, *, anyone: bool) -> Verdict:
        if answer is None:
            return silence(anyone)
        host = self._world.host(self._validator.public, self._subnet)
        verdict = await judge(self._subnet, task, answer, host, timeout_s=JUDGE_TIMEOUT_S)
        if verdict.code is Code.VALIDATOR_FAULT:
            self._blame(f"judge: failed ({verdict.evidence})")
        return verdict

    # --- the pay ----------------------------------------------------------------------------------------------------

    def _pay(self, view: View) -> None:
        shares, problem = shares_of(self._subnet, self._book, view)
        if problem:
            return self._blame(f"weigh: {problem}")
        vector = weight_vector(shares, view)
        weights = {} if vector is None else dict(zip(vector.uids, vector.values, strict=True))
        total = sum(weights.values())
        for neuron in view.neurons[1:]:
            record = self._records[neuron.hotkey]
            record.score = self._book.get(neuron.hotkey, Standing()).score
            record.weight = weights.get(neuron.uid, 0)
            record.pay = record.weight / total if total else 0.0
        honest = [record.pay for record in self._records.values() if record.way == "honest"]
        usual = sum(honest) / len(honest)
        for record in self._records.values():
            record.of_honest = record.pay / usual if usual else 0.0
        if not usual:
            self._blame("weigh: an honest miner earns nothing")
        return None

    def _blame(self, problem: str) -> None:
        self._problems[problem] = None
