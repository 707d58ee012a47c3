"""What a row of data is: where it comes from, when, under which label, and what it says. Values and checks only.

A bucket is an hour of one label of one source. Times are minutes since 1970 in UTC: nothing finer is kept, so that no
row tells when exactly somebody wrote.
"""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from node.market.errors import MalformedMessage
from node.primitives.crypto import digest
from node.primitives.text import nfc
from node.subnets.data_universe.limits import (
    AUTHOR_CHARS_MAX,
    CAPACITY_FACTOR,
    CONTENT_CHARS_MAX,
    LABEL_CHARS_MAX,
    MINUTES_PER_HOUR,
    URI_CHARS_MAX,
)

TEXT_HASH_BYTES: Final = 16
_MINUTES_MAX: Final = 2**32 - 1  # the year 10136
_PIECE_CHARS: Final = 4
_WORD_CHARS: Final = 24  # on average; longer "words" are a script without spaces, or filler
_STEERING: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
_SPACES: Final = re.compile(r"\s+")


class Source(enum.IntEnum):
    """Where rows come from. Numbers travel on the wire and never change."""

    FEED = 1
    HN = 2
    ACTIVITY = 3
    WIKI = 4
    WEB = 5
    FILES = 6


SOURCE_WEIGHTS: Final[Mapping[Source, float]] = {
    Source.FEED: 0.30, Source.HN: 0.20, Source.ACTIVITY: 0.25, Source.WIKI: 0.05, Source.WEB: 0.10, Source.FILES: 0.10,
}  # fmt: skip


class Bucket(NamedTuple):
    """An hour (since 1970) of one label of one source; ordered as indexes list them."""

    source: int
    label: str
    hour: int


@dataclass(frozen=True, slots=True)
class Entity:
    """One row. `uri` is in the canonical form of its source, `content` normalised text, `minute` since 1970."""

    uri: str
    source: Source
    label: str
    minute: int
    author: str
    content: str

    @property
    def bucket(self) -> Bucket:
        return Bucket(self.source, self.label, self.minute // MINUTES_PER_HOUR)

    def check(self) -> None:
        """Raise MalformedMessage when a field is not as `make_entity` would have made it."""
        if not self.uri or len(self.uri) > URI_CHARS_MAX or not self.uri.isprintable():
            raise MalformedMessage(f"A URI has 1 to {URI_CHARS_MAX} printable characters.")
        if self.label != label_of(self.label):
            raise MalformedMessage("A label is not in its normal form.")
        if not 0 <= self.minute <= _MINUTES_MAX:
            raise MalformedMessage("A time is out of range.")
        if len(self.author) > AUTHOR_CHARS_MAX or self.author != plain_text(self.author):
            raise MalformedMessage("An author is not in its normal form.")
        if not self.content or len(self.content) > CONTENT_CHARS_MAX or self.content != plain_text(self.content):
            raise MalformedMessage("A content is empty, too long, or not in its normal form.")


def make_entity(uri: str, source: Source, label: str, minute: int, author: str, content: str) -> Entity | None:
    """A row in its normal form; None when nothing of the text is left or the URI cannot be kept.

    `uri` is canonical already. Raises MalformedMessage for a label or a time out of bounds.
    """
    if not uri or len(uri) > URI_CHARS_MAX or not uri.isprintable():
        return None
    text = plain_text(content)
    if len(text) > CONTENT_CHARS_MAX:
        text = plain_text(text[:CONTENT_CHARS_MAX])
    if not text:
        return None
    if not 0 <= minute <= _MINUTES_MAX:
        raise MalformedMessage("A time is out of range.")
    return Entity(uri, source, label_of(label), minute, plain_text(author)[:AUTHOR_CHARS_MAX].rstrip(), text)


def plain_text(text: str) -> str:
    """Unicode form NFC, every run of white space one space, without control characters and halves of characters."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split()) if "  " in text or text[:1] == " " or text[-1:] == " " else text
    text = nfc(_STEERING.sub(" ", text))
    return _SPACES.sub(" ", text).strip()


def label_of(text: str) -> str:
    """A label in its normal form: lower case, one line. Raises MalformedMessage when it is too long or steers."""
    if text.isascii() and text.isprintable():
        label = text.strip().lower()
    else:
        if _STEERING.search(text):
            raise MalformedMessage("A label holds a control character.")
        label = nfc(_SPACES.sub(" ", text).strip().lower())
    if len(label) > LABEL_CHARS_MAX:
        raise MalformedMessage(f"A label has at most {LABEL_CHARS_MAX} characters, not {len(label)}.")
    return label


def label_from(text: str) -> str:
    """A label made of a stranger's words, cut to its length and without what steers; "" when nothing is left."""
    label = nfc(plain_text(text[:LABEL_CHARS_MAX]).lower())[:LABEL_CHARS_MAX].strip()
    try:
        return label_of(label)
    except MalformedMessage:
        return ""  # a letter that grows each time it is made small


def size_of(text: str) -> int:
    """The bytes a text counts for: its UTF-8 length, at most three times its different words.

    Repeated filler counts for almost nothing. It is no compression on purpose: builds of one compressor differ in what
    they make of a text, and two validators must agree to the byte.
    """
    length = len(text) if text.isascii() else len(text.encode())
    words = text.split(" ")
    if len(text) > _WORD_CHARS * len(words):
        words = [text[at : at + _PIECE_CHARS] for at in range(0, len(text), _PIECE_CHARS)]
    different = len(" ".join(set(words)))
    return min(length, CAPACITY_FACTOR * different)


def text_hash(text: str) -> bytes:
    """Names a content, whoever holds it."""
    return digest("du-text", text.encode())[:TEXT_HASH_BYTES]


def uri_hash(uri: str) -> bytes:
    """Names a place."""
    return digest("du-uri", uri.encode())[:TEXT_HASH_BYTES]


def bucket_key(source: int, label: str) -> int:
    """64 bits that stand for a label of a source in compact indexes; the lowest byte is the source."""
    named = int.from_bytes(digest("du-label", label.encode())[:8], "big")
    return (named & ~0xFF) | source
