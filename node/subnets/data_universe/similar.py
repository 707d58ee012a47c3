"""Whether two texts say the same: SimHash for many against many, shares of 5-grams for one against one. Pure.

Also whether a text says words that were looked for.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from node.primitives.crypto import digest
from node.subnets.data_universe.entities import plain_text

GRAM_CHARS: Final = 5
SIMHASH_BITS: Final = 64
BAND_BITS: Final = 16
_WORDS_MAX: Final = 2000
_LETTERS: Final = re.compile(r"[^\W_]+")


def similarity(left: str, right: str) -> float:
    """The share of 5-grams that two texts have in common, 0 to 1, after normalisation; 1 for equal ones."""
    left, right = plain_text(left), plain_text(right)
    if left == right:
        return 1.0
    a, b = set(_grams(left)), set(_grams(right))
    return len(a & b) / len(a | b)


def mentions(text: str, words: Sequence[str], *, all_words: bool) -> bool:
    """Whether a text holds one of the words, or all of them, case, accents and signs aside; never none at all.

    Parts of words count too: no store that looks for whole words finds a row that this does not.
    """
    plain = _bare(text)
    held = [all(piece in plain for piece in _LETTERS.findall(_bare(word))) for word in words]
    return bool(held) and (all(held) if all_words else any(held))


def _bare(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(each for each in decomposed if not unicodedata.combining(each))


def simhash(text: str) -> int:
    """64 bits that differ in few places for texts that differ in few words."""
    sums = [0] * SIMHASH_BITS
    words = text.lower().split(" ")[:_WORDS_MAX]
    for at in range(max(1, len(words) - 1)):
        number = int.from_bytes(digest("du-gram", " ".join(words[at : at + 2]).encode())[:8], "big")
        for bit in range(SIMHASH_BITS):
            sums[bit] += 1 if number >> bit & 1 else -1
    return sum(1 << bit for bit in range(SIMHASH_BITS) if sums[bit] > 0)


def distance(left: int, right: int) -> int:
    """In how many bits two hashes differ."""
    return (left ^ right).bit_count()


def bands(number: int) -> list[tuple[int, int]]:
    """Four pieces of a hash; two that differ in at most three bits have one in common."""
    mask = (1 << BAND_BITS) - 1
    return [(at, number >> at & mask) for at in range(0, SIMHASH_BITS, BAND_BITS)]


def _grams(text: str) -> Iterable[str]:
    if len(text) <= GRAM_CHARS:
        return (text,)
    return (text[at : at + GRAM_CHARS] for at in range(len(text) - GRAM_CHARS + 1))
