"""The text model: tokens a CPU-second against a bare `session.run` loop, in a batch of eight, and checking an answer.

Needs the bundle of the real model in the model store (the folder named by NEUROND_MODELS, else the store of this
user); without it there is nothing to measure. One thread of the runtime, so CPU time is the time an idle machine takes.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from benchmarks.measure import at_least, at_most, show, title
from models import Batcher, Sampling, TextModel, Told, is_ready, open_text
from models.bundle import ONNX_FILE
from models.catalogue import SMOLLM2_135M_INSTRUCT
from models.runtime import KvCache, session_options
from node.service.model_store import shared_model_store

TOKENS = 64
BATCH = 8
TURNS = 3
SAMPLING = Sampling(seed=bytes(range(32)), temperature=0.7, max_tokens=TOKENS)
GREEDY = replace(SAMPLING, temperature=0.0)
FORMED = replace(
    SAMPLING,
    form=json.dumps(
        {
            "type": "object",
            "properties": {
                "title": {"type": "string", "maxLength": 40},
                "year": {"type": "integer"},
                "scenes": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["title", "year", "scenes"],
        }
    ),
)
QUESTION = "Write a long story about a lighthouse keeper and the sea."


@dataclass(frozen=True)
class Work:
    """What is measured; `before` runs first and is not."""

    run: Callable[[], int]
    before: Callable[[], object] = lambda: None


def in_turns(works: dict[str, Work]) -> dict[str, tuple[float, int]]:
    """CPU seconds of each work's best turn, and the tokens it made; they take turns, so all meet the same machine."""
    best = {name: (float("inf"), 0) for name in works}
    for _ in range(TURNS):
        for name, work in works.items():
            work.before()
            begin = process_time()
            count = work.run()
            best[name] = min(best[name], (process_time() - begin, count))
    return best


class Bare:
    """The loop of any tutorial: `session.run`, largest logit, growing arrays; no sampler, no text."""

    def __init__(self, path: Path, model: TextModel) -> None:
        self._session = onnxruntime.InferenceSession(str(path), session_options(1), providers=["CPUExecutionProvider"])
        self._geometry = model.card.geometry
        self._names = [f"{layer}.{part}" for layer in range(self._geometry.layers) for part in ("key", "value")]

    def answer(self, prompts: Sequence[list[int]]) -> int:
        """Answer prompts of one length together, each fed by itself as a runtime's rows of one length ask for."""
        fed = [self._step([prompt], len(prompt), self._empty()) for prompt in prompts]
        ids = [[int(logits[0].argmax())] for logits, _ in fed]
        past = [np.concatenate(rows) for rows in zip(*(kept for _, kept in fed), strict=True)]
        for length in range(len(prompts[0]) + 1, len(prompts[0]) + TOKENS):
            logits, past = self._step(ids, length, past)
            ids = [[int(each)] for each in logits.argmax(axis=1)]
        return len(prompts) * TOKENS

    def _empty(self) -> list[NDArray[np.float32]]:
        shape = (1, self._geometry.kv_heads, 0, self._geometry.head_size)
        return [np.zeros(shape, np.float32) for _ in self._names]

    def _step(
        self, ids: list[list[int]], length: int, past: list[NDArray[np.float32]]
    ) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
        """Last logits [B,vocabulary] and the grown keys and values."""
        logits, *grown = self._session.run(
            ["logits", *(f"present.{name}" for name in self._names)],
            {
                "input_ids": np.array(ids, np.int64),
                "seqlens_k": np.full(len(ids), length - 1, np.int32),
                "total_seq": np.array([length], np.int32),
                "logit_positions": np.full((len(ids), 1, 1), len(ids[0]) - 1, np.int64),
                **{f"past.{name}": value for name, value in zip(self._names, past, strict=True)},
            },
        )
        return logits[:, 0], grown


def kernels(model: TextModel, prompt: list[int]) -> Callable[[], int]:
    """Our step of the decoder with the largest logit: what the sampler and the text add is left out."""

    def work() -> int:
        cache, done = KvCache(model.card.geometry, rows=1), 0
        while done < len(prompt):
            done, logits = model.prefill(cache, 0, prompt, done)
        for _ in range(TOKENS - 1):
            done += 1
            ids, lengths = np.array([[int(logits.argmax())]], np.int64), np.array([done], np.int32)
            logits = model.decoder.step(cache, 0, ids, lengths, np.zeros((1, 1), np.int64))[0, 0]
        return TOKENS

    return work


def rows(model: TextModel, prompt: list[int]) -> Callable[[], int]:
    """Steps of eight rows at the places of an answer, nothing around them: what this machine can do in a batch."""

    def work() -> int:
        cache = KvCache(model.card.geometry, rows=BATCH)
        ids, wanted = np.full((BATCH, 1), 42, np.int64), np.zeros((BATCH, 1), np.int64)
        for length in range(len(prompt) + 1, len(prompt) + TOKENS + 1):
            model.decoder.step(cache, 0, ids, np.full(BATCH, length, np.int32), wanted)
        return BATCH * TOKENS

    return work


def answering(model: TextModel, prompt: list[int], sampling: Sampling) -> int:
    """One answer as a miner makes it."""
    return sum(1 for _ in model.generate(prompt, sampling))


def batched(model: TextModel, prompt: list[int]) -> Callable[[], int]:
    """Eight answers at once."""

    def work() -> int:
        batcher = Batcher(model, max_batch=BATCH)
        answers = [batcher.submit(prompt, replace(SAMPLING, seed=bytes([number]) * 32)) for number in range(BATCH)]
        count = sum(1 for answer in answers for _ in answer)
        batcher.close()
        return count

    return work


SHAPED = (
    '{"title": "The Keeper of the Light", "year": 1911, "scenes": ["A storm comes up over the sea", '
    '"A ship is lost near the rocks", "Morning, and the \\"lamp\\" still burns"]}'
)


def mask_ms(model: TextModel) -> float:
    """CPU milliseconds of a mask, in the mean over an answer of the form."""
    cursor, ids = model.cursor(FORMED), model.encode(SHAPED)
    if cursor is None:
        raise RuntimeError("no form")
    spent_s = 0.0
    for token in ids:
        begin = process_time()
        allowed = cursor.allowed()
        spent_s += process_time() - begin
        if not (allowed[token] and cursor.push(token)):
            raise RuntimeError("an answer of the form was not allowed")
    return spent_s / len(ids) * 1e3


def main() -> None:
    """Measure and print."""
    name, store = SMOLLM2_135M_INSTRUCT.name, shared_model_store()
    if not is_ready(name, store):
        print(f"Text model: no bundle of {name} in the model store; nothing measured. Run: neurond models pull")
        return
    model = open_text(store / name, threads=1, prefer_cuda=False)
    prompt = model.chat_prompt([("user", QUESTION)])
    title(f"Text model: {name}, {len(prompt)} prompt tokens, up to {TOKENS} answer tokens, 1 thread, CPU provider")

    first_ms, again_ms = mask_ms(model), mask_ms(model)
    show("a mask of a schema: first answer; further ones", f"{first_ms:.2f}; {again_ms:.3f} CPU-ms a token",
         f"over {model.card.vocabulary} tokens, {at_most(again_ms, 1, ' ms')}")  # fmt: skip
    tokens = list(model.generate(prompt, SAMPLING))
    ids, finish = [token.id for token in tokens if token.id is not None], tokens[-1].finish_reason
    told = Told(tuple(token.surprisal for token in tokens if token.id is not None))
    other = model.chat_prompt([("user", "Something else altogether.")])
    plain = Bare(store / name / ONNX_FILE, model)

    def check() -> int:
        if finish is None or not model.verify(prompt, ids, SAMPLING, finish, told).ok:
            raise RuntimeError("an honest answer was not accepted")
        return len(ids)

    best = in_turns(
        {
            "bare": Work(lambda: plain.answer([prompt])),
            "steps": Work(kernels(model, prompt)),
            "greedy": Work(partial(answering, model, prompt, GREEDY)),
            "sampled": Work(partial(answering, model, prompt, SAMPLING)),
            "bare8": Work(lambda: plain.answer([prompt] * BATCH)),
            "batch": Work(batched(model, prompt)),
            "rows": Work(rows(model, prompt)),
            "form": Work(partial(answering, model, prompt, FORMED)),
            "first": Work(check, before=lambda: list(model.teacher_forced(other, ids))),  # another was judged last
            "again": Work(check, before=check),
        }
    )
    rate = {key: count / spent_s for key, (spent_s, count) in best.items()}
    one_s = best["sampled"][0] / best["sampled"][1] * len(ids)

    def figure(what: str, key: str, against: str = "") -> None:
        show(what, f"{rate[key]:.1f} tok/CPU-s", against)

    figure("bare session.run loop, greedy", "bare")
    figure("our decoder steps, greedy", "steps", f"{rate['steps'] / rate['bare']:.2f} of the bare loop")
    for key, what in (("greedy", "greedy"), ("sampled", "temperature 0.7")):
        share = rate[key] / rate["bare"]
        figure(
            f"an answer with sampler and text, {what}", key, f"{share:.2f} of the bare loop, {at_least(share, 0.95)}"
        )
    figure("an answer of a JSON schema", "form", f"{rate['form'] / rate['sampled']:.2f} of free text")
    limit = rate["bare8"] / rate["bare"]
    figure(
        f"bare session.run loop, {BATCH} rows, greedy", "bare8", f"{limit:.1f} times its one row: the machine's limit"
    )
    figure(f"steps of {BATCH} rows, no prompts", "rows", f"{rate['rows'] / rate['steps']:.1f} times our steps")
    times = rate["batch"] / rate["sampled"]
    figure(
        f"{BATCH} answers in one batch, temperature 0.7",
        "batch",
        f"{times:.1f} times one, {at_least(times, 3)}; {rate['batch'] / rate['bare8']:.2f} of the bare loop's {BATCH}",
    )
    for key, what in (("first", "an answer verified"), ("again", "verified again, its question known")):
        share = best[key][0] / one_s
        figure(what, key, f"{share:.2f} of the CPU of making it, {at_most(share, 0.2)}")


if __name__ == "__main__":
    main()
