"""Answers made in a batch are those made alone, whatever joins, leaves, is cancelled or fails beside them."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from models import Batcher, Busy, Closed, FinishReason, PromptTooLong, RuntimeFailure, Sampling, TextModel, Token
from models.runtime import Decoder

BASE = Sampling(seed=bytes(32), temperature=1.0, top_p=1.0, max_tokens=24)


def requests(model: TextModel, count: int) -> list[tuple[list[int], Sampling]]:
    random = np.random.default_rng(11)
    out = []
    for i in range(count):
        prompt = [int(t) for t in random.integers(3, model.card.vocabulary, int(random.integers(1, 200)))]
        out.append((prompt, replace(BASE, seed=bytes([i]) * 32, max_tokens=int(random.integers(1, 40)))))
    return out


def test_answers_in_a_batch_equal_those_made_alone(model: TextModel) -> None:
    work = requests(model, 9)
    alone = [list(model.generate(prompt, sampling)) for prompt, sampling in work]
    batcher = Batcher(model, max_batch=4)
    running = [batcher.submit(prompt, sampling) for prompt, sampling in work]
    assert [list(answer) for answer in running] == alone
    batcher.close()


def test_a_reader_that_is_told_never_blocks_and_misses_nothing(model: TextModel) -> None:
    work = requests(model, 3)
    alone = [list(model.generate(prompt, sampling)) for prompt, sampling in work]
    batcher = Batcher(model, max_batch=2)
    told = threading.Semaphore(0)
    running = [batcher.submit(prompt, sampling, tell=told.release) for prompt, sampling in work]
    found: list[list[Token]] = [[] for _ in work]
    while any(not tokens or tokens[-1].finish_reason is None for tokens in found):
        if not told.acquire(timeout=30):
            raise AssertionError("an item came and nobody was told")
        for answer, tokens in zip(running, found, strict=True):
            while answer.ready and (token := next(answer, None)) is not None:
                tokens.append(token)
    assert found == alone
    assert all(answer.ready and next(answer, None) is None for answer in running)  # the end does not block either
    batcher.close()


def test_a_batch_of_one_row_works(model: TextModel) -> None:
    batcher = Batcher(model, max_batch=1)
    running = [batcher.submit(prompt, sampling) for prompt, sampling in requests(model, 3)]
    assert all(list(answer)[-1].finish_reason is not None for answer in running)
    batcher.close()


def test_cancelling_one_answer_frees_its_row_and_leaves_the_others_alone(model: TextModel) -> None:
    prompt, sampling = model.chat_prompt([("user", "hello")]), replace(BASE, temperature=0.0, max_tokens=150)
    batcher = Batcher(model, max_batch=2)
    first, second, third = (batcher.submit(prompt, sampling) for _ in range(3))
    next(first)
    first.cancel()
    assert all(token.finish_reason is None for token in first)
    assert list(second) == list(third) == list(model.generate(prompt, sampling))
    batcher.close()
    assert batcher.load == (0, 0)


def test_a_cancelled_answer_in_the_queue_never_runs(model: TextModel) -> None:
    batcher = Batcher(model, max_batch=1)
    prompt = model.chat_prompt([("user", "hello")])
    running = batcher.submit(prompt, replace(BASE, temperature=0.0, max_tokens=100))
    waiting = batcher.submit(prompt, BASE)
    waiting.cancel()
    assert list(waiting) == []
    assert list(running)[-1].finish_reason is not None
    batcher.close()


def test_a_full_queue_refuses_at_once(model: TextModel, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, entered = threading.Event(), threading.Event()
    step = Decoder.step

    def held(*args, **kwargs):  # type: ignore[no-untyped-def]
        entered.set()
        gate.wait()
        return step(*args, **kwargs)

    monkeypatch.setattr(Decoder, "step", held)
    batcher = Batcher(model, max_batch=1, max_queued=1)
    running = batcher.submit([5], BASE)
    entered.wait()
    waiting = batcher.submit([5], BASE)
    with pytest.raises(Busy, match="try again later"):
        batcher.submit([5], BASE)
    gate.set()
    assert list(running) == list(waiting)
    batcher.close()


def test_closing_ends_running_answers_and_refuses_new_ones(model: TextModel) -> None:
    batcher = Batcher(model)
    answer = batcher.submit([5, 6], replace(BASE, temperature=0.0, max_tokens=250))
    next(answer)
    batcher.close()
    with pytest.raises(Closed):
        for _ in answer:
            pass
    with pytest.raises(Closed):
        batcher.submit([5], BASE)
    batcher.close()


def test_bad_requests_are_refused_by_submit_itself(model: TextModel) -> None:
    batcher = Batcher(model)
    with pytest.raises(PromptTooLong):
        batcher.submit([5] * 400, BASE)
    batcher.close()


def test_a_failing_runtime_reaches_every_reader(model: TextModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args, **_kwargs):  # type: ignore[no-untyped-def]
        raise RuntimeFailure("the device is gone")

    monkeypatch.setattr(Decoder, "step", broken)
    batcher = Batcher(model)
    answer = batcher.submit([5], BASE)
    with pytest.raises(RuntimeFailure, match="the device is gone"):
        list(answer)
    with pytest.raises(Closed):
        batcher.submit([5], BASE)
    batcher.close()


def test_reading_on_after_the_end_gives_nothing_more(model: TextModel) -> None:
    batcher = Batcher(model)
    answer = batcher.submit([5], replace(BASE, max_tokens=2))
    assert list(answer)[-1].finish_reason in (FinishReason.LENGTH, FinishReason.STOP)
    assert list(answer) == []
    batcher.close()
