"""Generation is a function of prompt, sampling and weights; verification accepts it and refuses everything else."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models import BadPrompt, FinishReason, PromptTooLong, Reason, Sampling, TextModel, open_text
from models.errors import ModelError
from models.limits import PREFILL_CHUNK_TOKENS
from tests.unit.models.synthetic import CONTEXT, END_TOKEN, tiny_bundle

SEED = bytes(range(32))
SAMPLING = Sampling(seed=SEED, temperature=1.0, top_p=0.95, max_tokens=48)
QUESTION = [("user", "hello world")]


def answer(model: TextModel, prompt: list[int], sampling: Sampling) -> tuple[list[int], FinishReason]:
    tokens = list(model.generate(prompt, sampling))
    reason = tokens[-1].finish_reason
    assert reason is not None
    assert all(token.finish_reason is None for token in tokens[:-1])
    return [token.id for token in tokens if token.id is not None], reason


def test_the_same_seed_gives_the_same_answer_and_another_seed_another(model: TextModel) -> None:
    prompt = model.chat_prompt(QUESTION)
    first = answer(model, prompt, SAMPLING)
    assert first == answer(model, prompt, SAMPLING)
    assert first != answer(model, prompt, replace(SAMPLING, seed=bytes(32)))


def test_threads_do_not_change_the_answer(model: TextModel, bundle: Path) -> None:
    prompt = model.chat_prompt(QUESTION)
    assert answer(open_text(bundle, threads=2), prompt, SAMPLING) == answer(model, prompt, SAMPLING)


def test_tokens_carry_their_index_and_the_text_adds_up(model: TextModel) -> None:
    tokens = list(model.generate(model.chat_prompt(QUESTION), SAMPLING))
    assert [token.index for token in tokens] == list(range(len(tokens)))
    ids = [token.id for token in tokens if token.id is not None]
    assert "".join(token.text for token in tokens) == model.visible_text(ids, SAMPLING)


def test_an_answer_ends_at_max_tokens(model: TextModel) -> None:
    ids, reason = answer(model, model.chat_prompt(QUESTION), replace(SAMPLING, max_tokens=5))
    assert (len(ids), reason) == (5, FinishReason.LENGTH)


def ended_by_itself(model: TextModel) -> tuple[list[int], Sampling]:
    """An answer of some length in which the model draws its end token."""
    prompt = model.chat_prompt(QUESTION)
    for i in range(200):
        sampling = Sampling(seed=bytes([i]) * 32, temperature=2.0, top_p=1.0, max_tokens=64)
        ids, reason = answer(model, prompt, sampling)
        if reason is FinishReason.STOP and len(ids) > 8:
            return ids, sampling
    pytest.fail("no seed makes the tiny model end by itself")


def test_an_answer_ends_at_the_end_token_which_is_not_part_of_it(model: TextModel) -> None:
    ids, sampling = ended_by_itself(model)
    assert END_TOKEN not in ids
    assert model.verify(model.chat_prompt(QUESTION), ids, sampling, FinishReason.STOP).ok


def test_an_answer_ends_at_a_stop_string_which_is_cut_from_the_text(model: TextModel) -> None:
    prompt = model.chat_prompt(QUESTION)
    whole = model.visible_text(answer(model, prompt, SAMPLING)[0], SAMPLING)
    stop = next(letter for letter in whole[3:] if letter not in whole[:3] and letter != "\ufffd")
    sampling = replace(SAMPLING, stop=(stop,))
    ids, reason = answer(model, prompt, sampling)
    assert reason is FinishReason.STOP_STRING
    assert model.visible_text(ids, sampling) == whole[: whole.index(stop)]
    assert model.verify(prompt, ids, sampling, reason).ok


def test_setting_cancel_ends_the_answer_without_a_reason(model: TextModel) -> None:
    cancel = threading.Event()
    tokens = []
    for token in model.generate(model.chat_prompt(QUESTION), SAMPLING, cancel):
        tokens.append(token)
        if len(tokens) == 3:
            cancel.set()
    assert len(tokens) == 3
    assert tokens[-1].finish_reason is None


def test_a_prompt_longer_than_a_chunk_gives_the_logits_of_the_whole(model: TextModel) -> None:
    prompt = [int(t) for t in np.random.default_rng(5).integers(3, 271, PREFILL_CHUNK_TOKENS + 40)]
    ids, reason = answer(model, prompt, SAMPLING)
    assert model.verify(prompt, ids, SAMPLING, reason).ok
    short = [float(step[0]) for step in model.teacher_forced(prompt[:1], prompt[1:])]
    assert len(short) == len(prompt) - 1


@pytest.mark.parametrize("temperature", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("top_k", [0, 20])
def test_an_honest_answer_is_accepted(model: TextModel, temperature: float, top_k: int) -> None:
    sampling = replace(SAMPLING, temperature=temperature, top_k=top_k, repetition_penalty=1.2)
    prompt = model.chat_prompt(QUESTION)
    ids, reason = answer(model, prompt, sampling)
    verdict = model.verify(prompt, ids, sampling, reason)
    assert verdict.ok
    assert verdict.reason is Reason.OK
    assert verdict.argmax_share > 0.9
    assert verdict.tokens == len(ids) + (reason is FinishReason.STOP)


def test_another_models_answer_is_refused(model: TextModel, tmp_path: Path) -> None:
    prompt = model.chat_prompt(QUESTION)
    ids, reason = answer(open_text(tiny_bundle(tmp_path, seed=1), threads=1), prompt, SAMPLING)
    assert not model.verify(prompt, ids, SAMPLING, reason).ok


def test_the_same_weights_cut_to_fewer_bits_are_refused(model: TextModel, tmp_path: Path) -> None:
    exact = open_text(tiny_bundle(tmp_path, kind="F16"), threads=1)
    prompt = model.chat_prompt(QUESTION)
    ids, reason = answer(model, prompt, SAMPLING)
    assert not exact.verify(prompt, ids, SAMPLING, reason).ok


def test_an_answer_under_another_seed_is_refused(model: TextModel) -> None:
    prompt = model.chat_prompt(QUESTION)
    ids, reason = answer(model, prompt, replace(SAMPLING, seed=bytes(32)))
    assert not model.verify(prompt, ids, SAMPLING, reason).ok


def test_an_answer_to_another_prompt_is_refused(model: TextModel) -> None:
    ids, reason = answer(model, model.chat_prompt([("user", "other")]), SAMPLING)
    assert not model.verify(model.chat_prompt(QUESTION), ids, SAMPLING, reason).ok


def test_an_answer_from_another_temperature_is_refused(model: TextModel) -> None:
    prompt = model.chat_prompt(QUESTION)
    ids, reason = answer(model, prompt, replace(SAMPLING, temperature=0.0))
    assert not model.verify(prompt, ids, SAMPLING, reason).ok


def test_one_changed_token_is_refused(model: TextModel) -> None:
    prompt = model.chat_prompt(QUESTION)
    ids, reason = answer(model, prompt, SAMPLING)
    changed = [*ids[:10], 100 if ids[10] != 100 else 101, *ids[11:]]
    assert model.verify(prompt, changed, SAMPLING, reason).reason is Reason.TOO_UNLIKELY


def test_an_answer_cut_short_is_refused(model: TextModel) -> None:
    prompt = model.chat_prompt(QUESTION)
    ids, _ = answer(model, prompt, SAMPLING)
    assert model.verify(prompt, ids[:20], SAMPLING, FinishReason.STOP).reason is Reason.ENDED_EARLY
    assert model.verify(prompt, [], SAMPLING, FinishReason.STOP).reason is Reason.ENDED_EARLY


def test_going_on_after_the_end_is_refused(model: TextModel) -> None:
    prompt = model.chat_prompt(QUESTION)
    ids, sampling = ended_by_itself(model)
    longer = [*ids, *[50] * (sampling.max_tokens - len(ids))]
    assert not model.verify(prompt, longer, sampling, FinishReason.LENGTH).ok


@pytest.mark.parametrize(
    ("change", "finish", "reason"),
    [
        (lambda ids: ids[:-1], FinishReason.LENGTH, Reason.WRONG_FINISH),
        (lambda ids: ids, FinishReason.STOP, Reason.WRONG_FINISH),
        (lambda ids: ids, FinishReason.STOP_STRING, Reason.WRONG_FINISH),
        (lambda ids: [*ids, 5], FinishReason.LENGTH, Reason.TOO_LONG),
        (lambda ids: [*ids[:-1], 271], FinishReason.LENGTH, Reason.BAD_TOKEN),
        (lambda ids: [*ids[:-1], -1], FinishReason.LENGTH, Reason.BAD_TOKEN),
        (lambda ids: [*ids[:-1], END_TOKEN], FinishReason.LENGTH, Reason.BAD_TOKEN),
    ],
)
def test_a_malformed_claim_is_refused_with_its_reason(model: TextModel, change, finish, reason) -> None:  # type: ignore[no-untyped-def]
    prompt = model.chat_prompt(QUESTION)
    ids, _ = answer(model, prompt, SAMPLING)
    assert model.verify(prompt, change(ids), SAMPLING, finish).reason is reason


def test_a_request_that_cannot_fit_is_refused_before_it_runs(model: TextModel) -> None:
    prompt = [5] * (CONTEXT - 40)
    assert model.room(prompt) == 40
    with pytest.raises(PromptTooLong, match="shorten the chat or lower max_tokens"):
        model.generate(prompt, SAMPLING)
    with pytest.raises(BadPrompt, match="empty"):
        model.generate([], SAMPLING)
    with pytest.raises(BadPrompt, match="outside the vocabulary"):
        model.generate([271], SAMPLING)


def test_the_context_can_be_filled_to_its_last_place(model: TextModel) -> None:
    sampling = replace(SAMPLING, temperature=0.0, max_tokens=8)
    prompt = [7] * (CONTEXT - 8)
    ids, reason = answer(model, prompt, sampling)
    assert model.verify(prompt, ids, sampling, reason).ok


def test_one_model_serves_several_threads(model: TextModel) -> None:
    prompt = model.chat_prompt(QUESTION)
    samplings = [replace(SAMPLING, seed=bytes([i]) * 32) for i in range(4)]
    alone = [answer(model, prompt, sampling) for sampling in samplings]
    found: dict[int, tuple[list[int], FinishReason]] = {}
    threads = [
        threading.Thread(target=lambda i=i: found.update({i: answer(model, prompt, samplings[i])})) for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[i] for i in range(4)] == alone


def test_a_silly_thread_count_is_refused(bundle: Path) -> None:
    with pytest.raises(ModelError, match="threads"):
        open_text(bundle, threads=0)
