"""The text model: tokens a CPU-second against a bare `session.run` loop, in a batch of eight, and checking an answer.

Needs the bundle of the real model in the model store (the folder named by NEUROND_MODELS, else the store of this
user); without it there is nothing to measure. One thread of the runtime, so CPU time is the time an idle machine takes.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from benchmarks.measure import show, title
from models import Batcher, Sampling, TextModel, is_ready, open_text
from models.bundle import ONNX_FILE
from models.catalogue import SMOLLM2_135M_INSTRUCT
from models.runtime import KvCache, session_options
from node.service.model_store import shared_model_store

TOKENS = 64
BATCH = 8
TURNS = 2
SAMPLING = Sampling(seed=bytes(range(32)), temperature=0.7, max_tokens=TOKENS)
GREEDY = replace(SAMPLING, temperature=0.0)
QUESTION = "Write a long story about a lighthouse keeper and the sea."


def timed(work: Callable[[], int]) -> tuple[float, int]:
    """CPU seconds of the best turn, and the tokens it made."""
    runs = []
    for _ in range(TURNS):
        begin = process_time()
        count = work()
        runs.append((process_time() - begin, count))
    return min(runs)


def bare(path: Path, model: TextModel, prompt: list[int]) -> Callable[[], int]:
    """The loop of any tutorial: `session.run`, largest logit, growing arrays; no sampler, no text."""
    session = onnxruntime.InferenceSession(str(path), session_options(1), providers=["CPUExecutionProvider"])
    geometry = model.card.geometry
    names = [f"{layer}.{part}" for layer in range(geometry.layers) for part in ("key", "value")]
    outputs = ["logits", *(f"present.{name}" for name in names)]

    def work() -> int:
        past: list[NDArray[np.float32]] = [
            np.zeros((1, geometry.kv_heads, 0, geometry.head_size), np.float32) for _ in names
        ]
        ids, length = list(prompt), 0
        for _ in range(TOKENS):
            length += len(ids)
            logits, *past = session.run(
                outputs,
                {
                    "input_ids": np.array([ids], np.int64),
                    "seqlens_k": np.array([length - 1], np.int32),
                    "total_seq": np.array([length], np.int32),
                    "logit_positions": np.array([[[len(ids) - 1]]], np.int64),
                    **{f"past.{name}": value for name, value in zip(names, past, strict=True)},
                },
            )
            ids = [int(logits[0, 0].argmax())]
        return TOKENS

    return work


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


def main() -> None:
    """Measure and print."""
    name, store = SMOLLM2_135M_INSTRUCT.name, shared_model_store()
    if not is_ready(name, store):
        print(f"Text model: no bundle of {name} in the model store; nothing measured. Run: neurond models pull")
        return
    model = open_text(store / name, threads=1, prefer_cuda=False)
    prompt = model.chat_prompt([("user", QUESTION)])
    title(f"Text model: {name}, {len(prompt)} prompt tokens, up to {TOKENS} answer tokens, 1 thread, CPU provider")

    def figure(what: str, cpu_s: float, count: int, against: str = "") -> float:
        show(what, f"{count / cpu_s:.1f} tok/CPU-s", against)
        return count / cpu_s

    raw = figure("bare session.run loop, greedy", *timed(bare(store / name / ONNX_FILE, model, prompt)))
    step_s, count = timed(kernels(model, prompt))
    figure("our decoder steps, greedy", step_s, count, f"{count / step_s / raw:.2f} of the bare loop")
    for kind, sampling in (("greedy", GREEDY), ("temperature 0.7", SAMPLING)):
        spent_s, count = timed(partial(answering, model, prompt, sampling))
        figure(
            f"an answer with sampler and text, {kind}", spent_s, count, f"{count / spent_s / raw:.2f} of the bare loop"
        )
    batch_s, many = timed(batched(model, prompt))
    figure(
        f"{BATCH} answers in one batch, temperature 0.7",
        batch_s,
        many,
        f"{many / batch_s * spent_s / count:.1f} times one",
    )
    tokens = list(model.generate(prompt, SAMPLING))
    ids, finish = [token.id for token in tokens if token.id is not None], tokens[-1].finish_reason
    if finish is None or not model.verify(prompt, ids, SAMPLING, finish).ok:
        raise RuntimeError("an honest answer was not accepted")
    verify_s, count = timed(lambda: model.verify(prompt, ids, SAMPLING, finish).ok * len(ids))
    figure("an answer verified", verify_s, count, f"{verify_s / spent_s:.2f} of the CPU of making it")


if __name__ == "__main__":
    main()
