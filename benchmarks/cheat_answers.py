"""Answers of honest and dishonest miners to the same questions, for `bench_cheats`: made in batches, as miners do.

Each way is a function of the world and returns one answer a question. What a way costs is measured around it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from models import Batcher, FinishReason, Sampling, TextModel
from models.answer import AnswerState
from models.runtime import KvCache
from node.primitives.crypto import digest
from node.primitives.types import AccountId
from node.subnets.nineteen.messages import ChatTask, chat_of, sampling_of
from node.subnets.nineteen.prompts import SeededChoice

MINER: Final = AccountId(digest("bench-miner", b"one"))
OTHER: Final = AccountId(digest("bench-miner", b"other"))
BATCH: Final = 8
EARLY: Final = 8  # tokens of an answer that is cut off


@dataclass(frozen=True, slots=True)
class Made:
    """An answer as a miner would send it; `text` and `billed` only where they are not those of the tokens."""

    ids: tuple[int, ...]
    told: tuple[int, ...]
    finish: FinishReason
    text: str | None = None
    billed: int | None = None
    seeded: bool = True


@dataclass(slots=True)
class World:
    """The questions, the models a miner might run, and its honest answers."""

    tasks: Sequence[ChatTask]
    models: dict[str, TextModel]
    honest: list[Made]

    def asked(self, number: int, miner: AccountId = MINER) -> Sampling:
        return sampling_of(self.tasks[number], miner)


Way = Callable[[World], list[Made]]


def drawn_by(
    world: World, model: TextModel, change: Callable[[int, Sampling], Sampling], batch: int = BATCH,
    numbers: Sequence[int] | None = None,
) -> list[Made]:  # fmt: skip
    """Answers drawn by one model, with the sampling changed."""
    numbers = range(len(world.tasks)) if numbers is None else numbers
    batcher = Batcher(model, batch)
    running = [
        batcher.submit(model.chat_prompt(chat_of(world.tasks[n])), change(n, world.asked(n))) for n in numbers
    ]  # fmt: skip
    made = []
    for answer in running:
        tokens = list(answer)
        real = [token for token in tokens if token.id is not None]
        finish = tokens[-1].finish_reason
        if finish is None:
            raise RuntimeError("an answer without an end")
        made.append(Made(tuple(t.id for t in real if t.id is not None), tuple(t.surprisal for t in real), finish))
    batcher.close()
    return made


def honest_with(threads_and_batches: Sequence[tuple[str, int]]) -> Way:
    """Honest answers, the questions divided among (model, batch): other thread counts and batch sizes."""

    def way(world: World) -> list[Made]:
        parts = len(threads_and_batches)
        answers: dict[int, Made] = {}
        for part, (name, batch) in enumerate(threads_and_batches):
            numbers = range(part, len(world.tasks), parts)
            made = drawn_by(world, world.models[name], lambda _n, s: s, batch, numbers)
            answers.update(zip(numbers, made, strict=True))
        return [answers[n] for n in range(len(world.tasks))]

    return way


def model_way(name: str) -> Way:
    """Another model, drawn from as asked."""
    return lambda world: drawn_by(world, world.models[name], lambda _n, s: s)


def sampled(change: Callable[[Sampling], Sampling]) -> Way:
    """The real model, drawn from in another way than asked."""
    return lambda world: drawn_by(world, world.models["real"], lambda _n, s: change(s))


def copied(world: World) -> list[Made]:
    """The honest answers of another miner to the same questions."""
    return drawn_by(world, world.models["real"], lambda n, _s: world.asked(n, OTHER))


def replayed(world: World) -> list[Made]:
    """One's own honest answer to the question before."""
    return [world.honest[n - 1] for n in range(len(world.tasks))]


def made_up(world: World) -> list[Made]:
    """Tokens from nowhere, of the asked length."""
    out = []
    for task in world.tasks:
        choice = SeededChoice(digest("bench-random", task.seed))
        ids = tuple(17 + choice.below(40_000) for _ in range(task.max_tokens))
        out.append(Made(ids, tuple(choice.below(60_000) for _ in ids), FinishReason.LENGTH))
    return out


def truncated(world: World) -> list[Made]:
    """The honest beginning, and the claim that the model ended there."""
    return [Made(a.ids[:EARLY], a.told[:EARLY], FinishReason.STOP) for a in world.honest]


def padded(world: World) -> list[Made]:
    """The first half of the honest answer, said again and again until there are as many tokens as can be billed."""
    out = []
    for task, answer in zip(world.tasks, world.honest, strict=True):
        half = max(1, len(answer.ids) // 2)
        times = task.max_tokens // half + 1
        out.append(
            Made((answer.ids[:half] * times)[: task.max_tokens], (answer.told[:half] * times)[: task.max_tokens],
                 FinishReason.LENGTH)
        )  # fmt: skip
    return out


def spliced(name: str) -> Way:
    """The first half honest, the rest by a cheaper model that goes on from there."""

    def way(world: World) -> list[Made]:
        return [_gone_on(world, n, world.models[name]) for n in range(len(world.tasks))]

    return way


def _gone_on(world: World, number: int, model: TextModel) -> Made:
    sampling, begun = world.asked(number), world.honest[number]
    half = len(begun.ids) // 2
    prompt = model.chat_prompt(chat_of(world.tasks[number]))
    cache, done, fed = KvCache(model.card.geometry, rows=1), 0, [*prompt, *begun.ids[:half]]
    while done < len(fed):
        done, logits = model.prefill(cache, 0, fed, done)
    state = AnswerState(model.codec, sampling, model.card.end_token)
    state.ids.extend(begun.ids[:half])
    told = list(begun.told[:half])
    while True:
        token = state.advance(logits)
        if token.id is not None:
            told.append(token.surprisal)
        if token.finish_reason is not None:
            return Made(tuple(state.ids), tuple(told), token.finish_reason)
        done += 1
        lengths = np.array([done], np.int32)
        logits = model.decoder.step(cache, 0, np.array([[state.ids[-1]]]), lengths, np.zeros((1, 1), np.int64))[0, 0]


def reworded(world: World) -> list[Made]:
    """Honest tokens with a text of one's own."""
    return [replace(a, text="I would rather talk about something else.") for a in world.honest]


def overcounted(world: World) -> list[Made]:
    """Honest tokens, and twice as many on the bill."""
    return [replace(a, billed=2 * len(a.ids)) for a in world.honest]


def unsaid(world: World) -> list[Made]:
    """Honest tokens with probabilities of somebody who has not run the model on them."""
    return [replace(a, told=tuple(5_000 + 997 * n % 9_000 for n in range(len(a.ids)))) for a in world.honest]
