"""What many prompts begin with is fed once, and no answer or verdict can tell the difference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models import TextModel, open_text
from models.opening import Opening, common
from models.runtime import Decoder, KvCache

CHAT = [("user", "what is the sea made of, and who lives in it")]
OTHER = [("user", "tell me of the hills")]
ANSWER = [40, 41, 50, 60, 70, 80]


@pytest.fixture
def fresh(bundle: Path) -> TextModel:
    return open_text(bundle, threads=1)


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tokens each step of any decoder takes."""
    counts: list[int] = []
    step = Decoder.step

    def counted(self: Decoder, cache: KvCache, row: int, ids: NDArray[np.int64], *rest: NDArray[np.int64]):  # type: ignore[no-untyped-def]
        counts.append(ids.size)
        return step(self, cache, row, ids, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Decoder, "step", counted)
    return counts


def whole(model: TextModel, tokens: list[int]) -> tuple[NDArray[np.float32], KvCache]:
    """Last logits and the cache of a prompt fed in one piece."""
    cache, end = KvCache(model.card.geometry, 1), len(tokens)
    wanted = np.array([[end - 1]], np.int64)
    return model.decoder.step(cache, 0, np.array([tokens], np.int64), np.array([end], np.int32), wanted)[0, 0], cache


def test_a_prompt_behind_the_opening_gives_the_bits_of_one_fed_whole(fresh: TextModel, fed: list[int]) -> None:
    prompt = fresh.chat_prompt(CHAT)
    shared = len(fresh.codec.opening())
    assert prompt[:shared] == fresh.codec.opening()
    expected, kept = whole(fresh, prompt)
    cache = KvCache(fresh.card.geometry, 3)
    for row in (2, 0):
        done, logits = fresh.prefill(cache, row, prompt, 0)
        assert done == len(prompt)
        assert np.array_equal(logits, expected)
        assert np.array_equal(cache.data[:, :, row, :, :done], kept.data[:, :, 0, :, :done])
    assert fed == [len(prompt), shared, len(prompt) - shared, len(prompt) - shared]


def test_a_prompt_that_does_not_go_on_behind_the_opening_is_fed_by_itself(fresh: TextModel) -> None:
    for prompt in (fresh.codec.opening(), fresh.codec.opening()[:3], [9, 9, 9], fresh.encode("the sea")):
        done, logits = fresh.prefill(KvCache(fresh.card.geometry, 1), 0, prompt, 0)
        assert done == len(prompt)
        assert np.array_equal(logits, whole(fresh, prompt)[0])


def test_an_empty_opening_is_laid_nowhere(fresh: TextModel) -> None:
    cache = KvCache(fresh.card.geometry, 1)
    assert Opening([], cache).lay(cache, 0, [5, 6]) == 0


def test_a_judge_feeds_again_only_what_differs_from_the_last_question(fresh: TextModel, fed: list[int]) -> None:
    prompt, other = fresh.chat_prompt(CHAT), fresh.chat_prompt(OTHER)
    expected = list(fresh.teacher_forced(prompt, ANSWER))
    fed.clear()
    again = list(fresh.teacher_forced(prompt, ANSWER))
    assert fed == [len(ANSWER)]  # the last token of the prompt decides the first of the answer
    fed.clear()
    list(fresh.teacher_forced(other, ANSWER))
    assert fed == [len(other) - common(prompt, other) + len(ANSWER) - 1]
    back = list(fresh.teacher_forced(prompt, ANSWER))
    assert np.array_equal(again, expected)
    assert np.array_equal(back, expected)


def test_a_check_that_was_broken_off_does_not_spoil_the_next(fresh: TextModel, bundle: Path) -> None:
    prompt, long = fresh.chat_prompt(CHAT), [30 + number % 90 for number in range(200)]
    broken = fresh.teacher_forced(prompt, long)
    next(broken)
    broken.close()
    longer = [*prompt, *long[:150]]
    expected = list(open_text(bundle, threads=1).teacher_forced(longer, ANSWER))
    assert np.allclose(list(fresh.teacher_forced(longer, ANSWER)), expected, atol=1e-4)


def test_what_two_sequences_begin_with() -> None:
    assert [common([1, 2, 3], each) for each in ([1, 2, 3], [1, 2], [1, 2, 4, 5], [4], [])] == [3, 2, 2, 0, 0]
