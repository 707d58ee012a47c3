"""Recovery words (BIP-39, English) and the keys that follow from them.

Seeds are made as Substrate makes them (substrate-bip39): PBKDF2-HMAC-SHA512 over the words' entropy, not over their
text, first 32 bytes. Further keys are hard-derived with Substrate's Ed25519 rule, so that `WORDS//name` gives the same
key here and in Polkadot's tools. Hard derivation is one-way: a leaked hotkey says nothing about the coldkey.
"""

import difflib
import hashlib
import unicodedata
from collections.abc import Sequence
from typing import Final

from mnemonic import Mnemonic

from node.primitives.errors import invariant
from node.wallet.errors import BadMnemonic
from node.wallet.kinds import WordCount
from node.wallet.limits import MNEMONIC_CHARS_MAX, NEAR_WORDS_MAX

SEED_BYTES: Final = 32
ENTROPY_BYTES: Final[dict[WordCount, int]] = {12: 16, 15: 20, 18: 24, 21: 28, 24: 32}

_PBKDF2_ROUNDS: Final = 2048
_DERIVATION_TAG: Final = b"\x2cEd25519HDKD"  # SCALE: length (4 * 11), then the text
_CHAIN_CODE_BYTES: Final = 32
_COMPACT_ONE_BYTE_MAX: Final = 63  # longer texts need SCALE's two-byte length
_NUMBER_BITS: Final = 64


def words_from_entropy(entropy: bytes) -> str:
    """Return the words for 16, 20, 24, 28 or 32 bytes (12 to 24 words) of good randomness."""
    invariant(len(entropy) in ENTROPY_BYTES.values(), "entropy for words has 16, 20, 24, 28 or 32 bytes")
    return str(Mnemonic("english").to_mnemonic(entropy))


def entropy_from_words(words: str) -> bytes:
    """Return the entropy of 12, 15, 18, 21 or 24 words; case and spaces do not matter.

    Raises:
        BadMnemonic: wrong count, unknown word or failed checksum; names the position of the first unknown word and
            the words of the list that look like it, never what was typed.
    """
    if len(words) > MNEMONIC_CHARS_MAX:
        raise BadMnemonic("The recovery phrase is far too long.")
    listed = unicodedata.normalize("NFKD", words).lower().split()
    book = Mnemonic("english")
    known = frozenset(book.wordlist)
    for position, word in enumerate(listed, start=1):
        if word not in known:
            raise BadMnemonic(
                f"Word {position} is not in the list of recovery words.", remedy=_near(word, book.wordlist)
            )
    if len(listed) not in ENTROPY_BYTES:
        raise BadMnemonic(f"A recovery phrase has 12, 15, 18, 21 or 24 words, not {len(listed)}.")
    phrase = " ".join(listed)
    if not book.check(phrase):
        raise BadMnemonic(
            "The words do not belong together (their checksum fails): one is wrong, or two changed places."
        )
    return bytes(book.to_entropy(phrase))


def _near(word: str, wordlist: Sequence[str]) -> str:
    """Say which words of the list look like `word`. Its first four letters name a word of the list, if any does."""
    near = [each for each in wordlist if len(word) >= 4 and each[:4] == word[:4]]
    near += [each for each in difflib.get_close_matches(word, wordlist, NEAR_WORDS_MAX) if each not in near]
    return f"Close to it: {', '.join(near[:NEAR_WORDS_MAX])}." if near else BadMnemonic.remedy


def seed_from_words(words: str, passphrase: str = "") -> bytes:
    """Return the 32-byte seed of the words' own key. Raises BadMnemonic."""
    salt = b"mnemonic" + unicodedata.normalize("NFKD", passphrase).encode()
    return hashlib.pbkdf2_hmac("sha512", entropy_from_words(words), salt, _PBKDF2_ROUNDS)[:SEED_BYTES]


def derive_hard(seed: bytes, path: str) -> bytes:
    """Return the seed at `path`, which is written `//part//part`; digits alone are a number, as in Substrate."""
    parts = path.split("//")
    invariant(len(parts) > 1 and parts[0] == "" and all(parts[1:]), "a derivation path is written //part//part")
    for part in parts[1:]:
        seed = hashlib.blake2b(_DERIVATION_TAG + seed + _chain_code(part), digest_size=SEED_BYTES).digest()
    return seed


def _chain_code(part: str) -> bytes:
    if part.isascii() and part.isdigit() and int(part) < 2**_NUMBER_BITS:
        return int(part).to_bytes(8, "little").ljust(_CHAIN_CODE_BYTES, b"\0")
    text = part.encode()
    length = len(text) << 2
    prefix = bytes([length]) if len(text) <= _COMPACT_ONE_BYTE_MAX else (length | 1).to_bytes(2, "little")
    encoded = prefix + text
    if len(encoded) > _CHAIN_CODE_BYTES:
        return hashlib.blake2b(encoded, digest_size=_CHAIN_CODE_BYTES).digest()
    return encoded.ljust(_CHAIN_CODE_BYTES, b"\0")
