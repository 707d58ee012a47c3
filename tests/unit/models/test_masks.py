"""Masks of tokens: exactly those that lead somewhere, and answers of a form that stay verifiable."""

from __future__ import annotations

import json
from dataclasses import replace
from time import process_time

import numpy as np
import pytest

from models import BadSampling, Batcher, FinishReason, Reason, Sampling, TextModel, Told
from models.grammar import Grammar, grammar_of
from models.limits import MAX_SURPRISAL
from models.masks import TokenMasks
from tests.unit.models.synthetic import END_TOKEN

FORM = json.dumps(
    {
        "type": "object",
        "properties": {"a": {"type": "string", "maxLength": 9}, "n": {"type": "integer"}, "on": {"type": "boolean"}},
        "required": ["a", "n", "on"],
    }
)
SAMPLING = Sampling(seed=bytes(range(32)), temperature=1.0, top_p=1.0, max_tokens=64, form=FORM)
QUESTION = [("user", "hello world")]


def answer(model: TextModel, sampling: Sampling) -> tuple[list[int], FinishReason, Told, str]:
    tokens = list(model.generate(model.chat_prompt(QUESTION), sampling))
    real = [token for token in tokens if token.id is not None]
    finish = tokens[-1].finish_reason
    assert finish is not None
    told = Told(tuple(t.surprisal for t in real), tuple(t.leaders for t in real) if sampling.top_logprobs else ())
    return [t.id for t in real if t.id is not None], finish, told, "".join(token.text for token in tokens)


def test_a_mask_holds_the_tokens_that_lead_somewhere_and_no_others(model: TextModel) -> None:
    tokens = model.codec.token_bytes()
    masks = TokenMasks(tokens, END_TOKEN, model.card.vocabulary)
    for text in ('{"a": ', '{"a": "x', '{"a": "12345678', '{"a": "x\\', '{"a": "é', '{"a": "x", "n": 1', ""):
        grammar = grammar_of(FORM)
        state = grammar.run(grammar.start, text.encode())
        expected = [bool(data) and bool(grammar.run(state, data)) for data in tokens]
        expected += [False] * (model.card.vocabulary - len(tokens))
        expected[END_TOKEN] = Grammar.complete(state)
        assert masks.allowed(FORM, grammar, state).tolist() == expected, text


def test_answers_have_the_form_whatever_the_model_would_rather_say(model: TextModel) -> None:
    whole = 0
    for n in range(12):
        ids, finish, told, text = answer(model, replace(SAMPLING, seed=bytes([n]) * 32))
        if finish is FinishReason.STOP:
            whole += 1
            value = json.loads(text)
            assert (type(value["a"]), type(value["n"]), type(value["on"])) == (str, int, bool)
            assert len(value["a"]) <= 9
        sampling = replace(SAMPLING, seed=bytes([n]) * 32)
        assert model.verify(model.chat_prompt(QUESTION), ids, sampling, finish, told).ok
    assert whole >= 6


def test_an_answer_of_the_form_in_a_batch_is_the_same(model: TextModel) -> None:
    batcher = Batcher(model, max_batch=3)
    prompt = model.chat_prompt(QUESTION)
    running = [batcher.submit(prompt, replace(SAMPLING, seed=bytes([n]) * 32)) for n in range(3)]
    ids = [[token.id for token in each if token.id is not None] for each in running]
    batcher.close()
    assert ids == [answer(model, replace(SAMPLING, seed=bytes([n]) * 32))[0] for n in range(3)]


def test_a_form_that_cannot_be_followed_ends_its_own_answer_and_no_other(model: TextModel) -> None:
    lengths = {"anyOf": [{"type": "string", "minLength": n} for n in range(200)]}
    hopeless = replace(SAMPLING, form=json.dumps({"type": "array", "items": lengths, "minItems": 1}))
    prompt, batcher = model.chat_prompt(QUESTION), Batcher(model, max_batch=2)
    good, bad = batcher.submit(prompt, SAMPLING), batcher.submit(prompt, hopeless)
    with pytest.raises(BadSampling, match="too many ways"):
        list(bad)
    assert [token.id for token in good if token.id is not None] == answer(model, SAMPLING)[0]
    assert list(batcher.submit(prompt, SAMPLING))[-1].finish_reason is not None
    batcher.close()


def test_free_text_is_no_answer_to_a_form(model: TextModel) -> None:
    prompt = model.chat_prompt(QUESTION)
    ids, finish, told, _ = answer(model, replace(SAMPLING, form=""))
    assert model.verify(prompt, ids, SAMPLING, finish, told).reason is Reason.BAD_FORM
    shaped, _, told, _ = answer(model, SAMPLING)
    cut = shaped[:3]
    verdict = model.verify(prompt, cut, SAMPLING, FinishReason.STOP, Told(told.surprisals[:3]))
    assert verdict.reason is Reason.BAD_FORM


def test_a_form_that_was_not_kept_while_drawing_does_not_verify(model: TextModel) -> None:
    """Tokens of the form, but not those that the noise draws among the allowed ones."""
    prompt = model.chat_prompt(QUESTION)
    ids, finish, told, _ = answer(model, replace(SAMPLING, seed=bytes(32)))
    assert not model.verify(prompt, ids, SAMPLING, finish, told).ok


def test_probabilities_are_those_of_the_raw_logits_and_checked(model: TextModel) -> None:
    sampling = replace(SAMPLING, form="", top_logprobs=5, repetition_penalty=1.3)
    prompt = model.chat_prompt(QUESTION)
    ids, finish, told, _ = answer(model, sampling)
    for logits, token, value, leaders in zip(
        model.teacher_forced(prompt, ids), ids, told.surprisals, told.leaders, strict=True
    ):
        exact = np.log(np.exp(logits.astype(np.float64)).sum()) - float(logits[token])
        assert value == pytest.approx(exact * 10_000, abs=300)
        assert leaders[0][0] == int(np.argmax(logits))
        assert len(leaders) == 5
    assert model.verify(prompt, ids, sampling, finish, told).ok
    made_up = Told(tuple(10_000 for _ in ids), told.leaders)
    assert model.verify(prompt, ids, sampling, finish, made_up).reason is Reason.BAD_LOGPROBS
    swapped = Told(told.surprisals, tuple(told.leaders[-1] for _ in ids))
    assert model.verify(prompt, ids, sampling, finish, swapped).reason is Reason.BAD_LOGPROBS


@pytest.mark.parametrize(
    "told",
    [
        Told((), ()),
        Told((1,) * 4, ()),
        Told((-1, 1, 1), (((0, 1), (1, 2)),) * 3),
        Told((1, 1, MAX_SURPRISAL + 1), (((0, 1), (1, 2)),) * 3),
        Told((1, 1, 1), (((0, 2), (1, 1)),) * 3),  # not best first
        Told((1, 1, 1), (((0, 1), (0, 1)),) * 3),  # one token twice
        Told((1, 1, 1), (((0, 1),),) * 3),
    ],
)
def test_probabilities_out_of_shape_do_not_fit(told: Told) -> None:
    assert Told((1, 1, 1), (((0, 1), (1, 2)),) * 3).fits(3, 2)
    assert not told.fits(3, 2)


def test_a_bad_form_is_refused_where_sampling_is_made() -> None:
    with pytest.raises(BadSampling):
        Sampling(seed=bytes(32), form="{")
    with pytest.raises(BadSampling):
        Sampling(seed=bytes(32), top_logprobs=21)


def test_a_mask_over_fifty_thousand_tokens_costs_less_than_a_millisecond_a_token() -> None:
    """Amortised over an answer; a vocabulary of words of a to z, as large as the real one."""
    letters = [bytes([97 + n]) for n in range(26)]
    words = [a + b + c + d for a in letters for b in letters for c in letters for d in letters[:3]][:49_000]
    tokens = [b"", *(bytes([n]) for n in range(256)), *words]
    masks = TokenMasks(tokens, 0, len(tokens))
    cursor, spent, count = masks.start(FORM), 0.0, 0
    for text in ('{"a": "', "abcd", "bcd", '"', ', "n": ', "12", ', "on": ', "true", "}"):
        for byte in text.encode():
            begin = process_time()
            cursor.allowed()
            spent += process_time() - begin
            count += 1
            assert cursor.push(1 + byte)
    assert cursor.complete
    assert spent / count < 0.002  # a slow machine's; the benchmark has the figure
