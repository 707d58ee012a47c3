"""Work between questions: a miner measures and declares its capacity, a validator asks many at once and writes down
what came. A declaration that no burst confirms counts for little, one that a burst refutes for less.
"""

import os
from contextlib import aclosing
from typing import Final

import trio

from models import FinishReason, ModelError, Sampling
from node.market.errors import CallRefused, ForgedAnswer, OverClaimed
from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.primitives.errors import MarketError
from node.primitives.types import AccountId
from node.subnets.base import Answer, Code, Host, Neuron, TextRuntime, View
from node.subnets.nineteen.capacity import BURST, CAPACITY, TOKENS_PER_S_MAX, Burst, Capacity, declared_by, measured_of
from node.subnets.nineteen.claims import Fault, claim_of
from node.subnets.nineteen.messages import ChatTask, chat_of, sampling_of
from node.subnets.nineteen.prompts import draw_chat
from node.subnets.nineteen.scoring import PERIOD_BLOCKS

BURST_MAX: Final = 8  # questions at once: what one batch of a desktop holds
OWN_TRIAL_TOKENS: Final = 16  # of each answer by which a miner measures itself: a second of work
MODEST: Final = 0.7  # of the measured speed that is declared: users come with prompts, and the machine has other work
BURST_TIMEOUT_S: Final = 60.0
WITNESSES_MAX: Final = 3  # other seats asked whether this node's line is good
WITNESS_TIMEOUT_S: Final = 30.0
_TRIAL: Final = "Explain how a lighthouse works and who looks after it."


class Bursts:
    """What is remembered of declarations and bursts, by host: the workbench has many of them, a node one."""

    def __init__(self, model: str, concurrency: int = BURST_MAX) -> None:
        self._model = model
        self._concurrency = concurrency
        self._speed = 0
        self._declared: dict[AccountId, int] = {}  # by host: period of the last declaration
        self._asked: dict[tuple[AccountId, AccountId], int] = {}  # by host and miner: period of the last burst

    async def tick(self, host: Host) -> None:
        """One small piece of work, if there is one. Seats with a permit measure others, the others declare."""
        view = host.view()
        seat = view.find(host.hotkey)
        if seat is None:
            return
        try:
            if seat.validator_permit:
                await self._measure(host, view)
            else:
                await self._declare(host, view)
        except (MarketError, ModelError):
            return  # no journal, no model, nobody there: the next tick tries again

    async def _declare(self, host: Host, view: View) -> None:
        period = view.height // PERIOD_BLOCKS
        if self._declared.get(host.hotkey) == period:
            return
        if not self._speed:
            self._speed = await own_speed(await host.models.text(self._model), self._concurrency)
        declared, shown = declared_by(host.hotkey, self._model, view.state), measured_of(host.hotkey, self._model, view)
        modest = min(max(1, int(self._speed * MODEST)), TOKENS_PER_S_MAX)
        before = None if declared is None else declared.tokens_per_s
        told = Capacity(self._model, to_declare(modest, before, shown), self._concurrency)
        await host.journal.append(CAPACITY, encode(told))
        self._declared[host.hotkey] = period

    async def _measure(self, host: Host, view: View) -> None:
        period = view.height // PERIOD_BLOCKS
        waiting = [
            neuron for neuron in view.neurons
            if neuron.hotkey != host.hotkey and neuron.peer_id
            and self._asked.get((host.hotkey, neuron.hotkey), -1) < period
            and declared_by(neuron.hotkey, self._model, view.state) is not None
        ]  # fmt: skip
        if not waiting:
            return
        secret = os.urandom(32)
        miner = min(waiting, key=lambda each: digest("burst-order", secret, each.hotkey))
        self._asked[host.hotkey, miner.hotkey] = period
        declared = declared_by(miner.hotkey, self._model, view.state)
        count = min(BURST_MAX, declared.concurrency if declared is not None else 1)
        speed = await burst(host, miner, [self._task(secret, n) for n in range(count)])
        if speed is None:  # silence; the fault may be this node's own
            if not await line_is_good(host, view, miner, self._task(secret, count)):
                del self._asked[host.hotkey, miner.hotkey]
                return
            speed = 0.0
        told = Burst(bytes(miner.hotkey), self._model, count, min(int(speed), TOKENS_PER_S_MAX))
        await host.journal.append(BURST, encode(told))

    def _task(self, secret: bytes, number: int) -> ChatTask:
        return draw_chat(digest("burst-task", secret, number.to_bytes(4, "big")), (self._model,))


def to_declare(modest: int, before: int | None, shown: float | None) -> int:
    """Tokens a second to declare for a period: one's own measurement at first, then what bursts have shown.

    Never above one's own measurement, nor below half of what was declared before, which validators would refuse.
    """
    if before is None or shown is None:
        return modest if before is None else before
    return max(-(-before // 2), min(int(shown), max(modest, before)), 1)


async def own_speed(runtime: TextRuntime, concurrency: int) -> int:
    """Tokens a second of so many answers at once on this machine. Raises models.ModelError."""
    prompt = await runtime.chat_prompt([("user", _TRIAL)])
    count, began_s = 0, trio.current_time()

    async def one(number: int) -> None:
        nonlocal count
        sampling = Sampling(digest("own-speed", bytes([number])), max_tokens=OWN_TRIAL_TOKENS)
        async with aclosing(runtime.generate(prompt, sampling)) as tokens:
            async for _ in tokens:
                count += 1

    async with trio.open_nursery() as nursery:
        for number in range(concurrency):
            nursery.start_soon(one, number)
    return int(count / max(trio.current_time() - began_s, 1e-3))


async def burst(host: Host, miner: Neuron, tasks: list[ChatTask]) -> float | None:
    """Tokens a second over all answers to questions asked at once; 0 when one that is looked at turns out wrong.

    None when nothing at all came of the miner, not even a refusal.
    """
    answers: dict[int, Answer] = {}
    is_heard = False
    began_s = trio.current_time()

    async def one(number: int, task: ChatTask) -> None:
        nonlocal is_heard
        try:
            answers[number] = await host.ask(miner, task)
        except MarketError as error:  # an answer that does not come adds nothing
            is_heard = is_heard or speaks(error)

    with trio.move_on_after(BURST_TIMEOUT_S):
        async with trio.open_nursery() as nursery:
            for number, task in enumerate(tasks):
                nursery.start_soon(one, number, task)
    took_s = max(trio.current_time() - began_s, 1e-3)
    if not answers:
        return 0.0 if is_heard else None
    looked_at = sorted(answers)[os.urandom(1)[0] % len(answers)]
    if not await _holds(host, tasks[looked_at], answers[looked_at]):
        return 0.0
    good = [each for each in answers.values() if each.status is Code.OK]
    return sum(each.usage.completion_tokens for each in good) / took_s


def speaks(error: MarketError) -> bool:
    """Whether a failed call was ended by the other side's own words, and not by the line or by this node."""
    return isinstance(error, CallRefused | ForgedAnswer | OverClaimed)


async def line_is_good(host: Host, view: View, silent: Neuron, task: ChatTask) -> bool:
    """Whether another seat answers or refuses a question now, so that one that is silent is so by itself."""
    others = [each for each in view.neurons if each.peer_id and each.hotkey not in (host.hotkey, silent.hotkey)]
    for other in sorted(others, key=lambda each: digest("burst-order", task.seed, each.hotkey))[:WITNESSES_MAX]:
        with trio.move_on_after(WITNESS_TIMEOUT_S):
            try:
                await host.ask(other, task)
            except MarketError as error:
                if not speaks(error):
                    continue
            return True
    return False


async def _holds(host: Host, task: ChatTask, answer: Answer) -> bool:
    claim = claim_of(task, answer)
    if isinstance(claim, Fault):
        return False
    runtime = await host.models.text(task.model)
    prompt = await runtime.chat_prompt(chat_of(task))
    finish, sampling = FinishReason(claim.finish), sampling_of(task, answer.miner)
    told = claim.told if claim.seeded or task.logprobs else None
    result = await runtime.verify(prompt, claim.ids, sampling, finish, told, seeded=claim.seeded)
    return result.ok
