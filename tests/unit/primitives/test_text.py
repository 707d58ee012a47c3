"""Unicode's form NFC: the same as the standard library's, and no text of a stranger makes it slow."""

import random
import time
import unicodedata

import pytest

from node.primitives.text import nfc

MARKS = [chr(each) for each in range(0x110000) if unicodedata.combining(chr(each))]
LETTERS = ["a", "é", "ệ", "\uac00", "\u1100", "\u1161", "\u11a8", "\u0958", "\u0f73", "\u0f75", "\u0f81", "漢", " "]
ENOUGH_S = 4.0  # of a processor; the standard library takes half a minute


def test_the_form_is_that_of_the_standard_library() -> None:
    rng = random.Random(7)
    for size in (1, 3, 20, 100, 300):
        for _ in range(200):
            text = "".join(rng.choice(MARKS if rng.random() < 0.97 else LETTERS) for _ in range(size))
            assert nfc(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("pair", ["\u0301\u0316", "\u0301\u0f73", "\u0344\u0316", "\u0301\u0301\u0f81\u0f75"])
def test_a_letter_with_very_many_marks_takes_no_longer_than_other_text(pair: str) -> None:
    halves = "a" + pair[0] * 60_000 + pair[-1] * 60_000
    mixed = "a" + pair * 60_000
    began_s = time.process_time()
    nfc(halves)
    nfc(mixed)
    assert time.process_time() - began_s < ENOUGH_S
