"""The real model, when its bundle is in the store named by NEUROND_MODEL_STORE: answers and their verification."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from models import Batcher, Sampling, TextModel, is_ready, open_text
from models.bundle import TOKENIZER_FILE
from models.catalogue import SMOLLM2_135M_INSTRUCT
from models.tokens import TURN_END, TURN_START

pytestmark = pytest.mark.real_model

STORE = Path(os.environ.get("NEUROND_MODEL_STORE", "no-store"))
SAMPLING = Sampling(seed=bytes(range(32)), max_tokens=48)
QUESTIONS = ("Explain why the sky is blue.", "Write a short poem about autumn.", "How do I make pancakes?")


@pytest.fixture(scope="module")
def real() -> TextModel:
    name = SMOLLM2_135M_INSTRUCT.name
    if not is_ready(name, STORE):
        pytest.skip(f"no bundle of {name} in the store; set NEUROND_MODEL_STORE to a store that has it")
    return open_text(STORE / name, threads=1)


def test_the_chat_form_is_that_of_the_models_template(real: TextModel) -> None:
    rendered = (
        f"{TURN_START}system\n{real.card.default_system}{TURN_END}\n"
        f"{TURN_START}user\nHello, 42!{TURN_END}\n{TURN_START}assistant\n"
    )
    whole = Tokenizer.from_file(str(STORE / real.card.name / TOKENIZER_FILE)).encode(rendered).ids
    assert real.chat_prompt([("user", "Hello, 42!")]) == whole


def test_names_of_special_tokens_that_are_ordinary_words_are_only_letters(real: TextModel) -> None:
    prompt = real.chat_prompt([("user", "What does <filename> mean?")])
    assert "<filename>" in real.decode(prompt)
    assert not {token for token in prompt if 2 < token < 17}


def test_it_answers_in_english_sentences(real: TextModel) -> None:
    prompt = real.chat_prompt([("user", "Explain why the sky is blue.")])
    text = "".join(token.text for token in real.generate(prompt, replace(SAMPLING, temperature=0.0)))
    assert {"blue", "light"} <= set(text.lower().replace(",", " ").replace(".", " ").split())


def test_answers_made_in_a_batch_pass_and_copied_or_altered_ones_fail(real: TextModel) -> None:
    prompts = [real.chat_prompt([("user", question)]) for question in QUESTIONS]
    batcher = Batcher(real, max_batch=3)
    running = [batcher.submit(prompt, SAMPLING) for prompt in prompts]
    for prompt, answer in zip(prompts, running, strict=True):
        tokens = list(answer)
        ids, finish = [token.id for token in tokens if token.id is not None], tokens[-1].finish_reason
        assert finish is not None
        assert real.verify(prompt, ids, SAMPLING, finish).ok
        assert not real.verify(prompt, ids, replace(SAMPLING, seed=bytes(32)), finish).ok
        assert not real.verify(prompts[0][:-1], ids, SAMPLING, finish).ok
    batcher.close()
