"""An answer in the making loses no text, however it ends."""

from __future__ import annotations

import numpy as np
import pytest

from models import FinishReason, Sampling, TextModel
from models.answer import AnswerState
from models.token import Token
from tests.unit.models.synthetic import END_TOKEN


def drawn(model: TextModel, tokens: list[int], max_tokens: int) -> list[Token]:
    """The stream of an answer whose logits point at `tokens`, one after the other."""
    sampling = Sampling(seed=bytes(32), temperature=0.0, max_tokens=max_tokens, stop=("xyz",))
    state: AnswerState = model.start(sampling)
    return [state.advance(np.eye(model.card.vocabulary, dtype=np.float32)[token]) for token in tokens]


@pytest.mark.parametrize("text", ["axy", "xy", "abc"])
def test_text_held_back_for_a_stop_string_comes_when_the_end_token_is_drawn(model: TextModel, text: str) -> None:
    stream = drawn(model, [*model.encode(text), END_TOKEN], 50)
    assert "".join(token.text for token in stream) == text
    assert (stream[-1].id, stream[-1].finish_reason) == (None, FinishReason.STOP)


def test_text_held_back_for_a_stop_string_comes_when_the_length_is_reached(model: TextModel) -> None:
    stream = drawn(model, model.encode("axy"), 3)
    assert "".join(token.text for token in stream) == "axy"
    assert (stream[-1].index, stream[-1].finish_reason) == (2, FinishReason.LENGTH)


def test_a_stop_string_ends_the_answer_at_the_token_that_completes_it(model: TextModel) -> None:
    stream = drawn(model, model.encode("axyz"), 50)
    assert "".join(token.text for token in stream) == "a"
    assert (stream[-1].id, stream[-1].finish_reason) == (model.encode("z")[0], FinishReason.STOP_STRING)


def test_a_stop_string_on_the_last_allowed_token_counts_as_stop_string(model: TextModel) -> None:
    assert drawn(model, model.encode("xyz"), 3)[-1].finish_reason is FinishReason.STOP_STRING
