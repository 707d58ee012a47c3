"""Words and passwords as a setup asks for them: making words, saying what is wrong with typed ones, judging a password.

Nothing here keeps or writes a secret.
"""

import math
import secrets
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from node.control.setup import WordCount
from node.primitives.errors import WalletError
from node.wallet.limits import PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN
from node.wallet.mnemonic import ENTROPY_BYTES, entropy_from_words, words_from_entropy

Level = Literal[0, 1, 2, 3, 4]
_LEVELS_BITS: Final = (28.0, 40.0, 60.0, 80.0)
_LEVEL_WORDS: Final = ("very weak", "weak", "fair", "good", "strong")
_POOLS: Final = ((str.islower, 26), (str.isupper, 26), (str.isdigit, 10))
_OTHER_SIGNS: Final = 32
_COMMON: Final = (
    "password", "passwort", "qwerty", "letmein", "welcome", "bittensor", "neurond", "iloveyou", "dragon", "monkey",
    "admin", "abc123", "secret",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Strength:
    """How hard a password is to guess, `level` from 0 to 4; `fault` says why it cannot be taken at all."""

    level: Level
    words: str
    fault: str = ""


def new_words(count: WordCount) -> str:
    """Return recovery words from fresh randomness."""
    return words_from_entropy(secrets.token_bytes(ENTROPY_BYTES[count]))


def words_fault(words: str) -> str:
    """Return what is wrong with recovery words, naming the place and never a word; empty when they hold."""
    try:
        entropy_from_words(words)
    except WalletError as error:
        return str(error)
    return ""


def strength(password: str) -> Strength:
    """Judge a new password by its length, its signs, and what of it repeats or merely counts on."""
    if len(password) < PASSWORD_CHARS_MIN:
        return Strength(0, "too short", f"A password has at least {PASSWORD_CHARS_MIN} characters.")
    if len(password.encode("utf-8", "surrogatepass")) > PASSWORD_BYTES_MAX:
        return Strength(0, "too long", f"A password has at most {PASSWORD_BYTES_MAX} bytes.")
    pool = sum(size for is_kind, size in _POOLS if any(map(is_kind, password)))
    if any(not each.isalnum() for each in password):
        pool += _OTHER_SIGNS
    bits = _telling(password) * math.log2(max(pool, 10))
    for each in _COMMON:
        if each in password.lower():
            bits -= (len(each) - 1) * math.log2(max(pool, 10))
    level = sum(bits >= least for least in _LEVELS_BITS)
    return Strength((0, 1, 2, 3, 4)[level], _LEVEL_WORDS[level])


def _telling(password: str) -> int:
    """How many characters neither repeat the one before nor count on from it, and are not of a piece seen before."""
    steps = [ord(later) - ord(former) for former, later in pairwise(password)]
    dull = sum(step in (-1, 0, 1) for step in steps)
    half = len(password) // 2
    if half and password[:half] * 2 == password[: 2 * half]:
        return max(1, (len(password) - dull) // 2)
    return max(1, len(password) - dull)
