"""What the store of collected rows takes and gives: rows, buckets, and questions about them. Values only."""

from dataclasses import dataclass
from typing import Final, NamedTuple

QUERY_ROWS_MAX: Final = 1000  # of one answer; more by its cursor
WORDS_MAX: Final = 16  # of one question


class BucketName(NamedTuple):
    """An hour (since 1970) of one label of one source."""

    source: int
    label: str
    hour: int


class BucketRow(NamedTuple):
    """A sealed bucket: how many rows, how many bytes they count for, and the root over them."""

    name: BucketName
    rows: int
    size: int
    root: bytes


class EntityRow(NamedTuple):
    """One row to store or as stored. Hashes have 16 bytes; `minute` since 1970; `size` is what it counts for."""

    uri: str
    uri_hash: bytes
    source: int
    label: str
    hour: int
    minute: int
    author: str
    content: str
    text_hash: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of a batch."""

    new: int = 0
    changed: int = 0  # a known place with another content: the new content replaces the old one
    known: int = 0

    def __add__(self, other: "Ingested") -> "Ingested":
        return Ingested(self.new + other.new, self.changed + other.changed, self.known + other.known)


@dataclass(frozen=True, slots=True)
class EntityQuery:
    """Which rows are wanted; what is left empty does not narrow. Minutes since 1970, `start` included, `end` not.

    `all_words`: every word must be there, else one is enough. `before` is the id to go on below (newest first).
    """

    source: int | None = None
    label: str | None = None
    words: tuple[str, ...] = ()
    all_words: bool = False
    authors: tuple[str, ...] = ()
    uri_hash: bytes | None = None
    start: int | None = None
    end: int | None = None
    limit: int = 100
    before: int | None = None


class Found(NamedTuple):
    """A row and the id that a next page starts below."""

    id: int
    row: EntityRow


class LabelRow(NamedTuple):
    """What is held of one label."""

    source: int
    label: str
    rows: int
    size: int
    first_hour: int
    last_hour: int
