"""What travels in the subnet Data Universe: four kinds of questions, rows with their proofs, and journal entries.

A question holds exactly one of its kinds. Whatever a peer sends is bounded here; whether it is true is `judging`'s.
"""

from typing import Final

from node.market.errors import MalformedMessage
from node.primitives.codec import Wire
from node.primitives.text import nfc
from node.primitives.types import HASH_BYTES, AccountId, Hash
from node.subnets.base import BlobRef, Message, Part, check_text
from node.subnets.data_universe.entities import TEXT_HASH_BYTES, Bucket, Entity, Source, label_of
from node.subnets.data_universe.index import SealedBucket
from node.subnets.data_universe.limits import (
    BUCKET_BYTES_MAX,
    BUCKET_ROWS_MAX,
    BUCKETS_MAX,
    COMMITMENTS_MAX,
    INDEX_PACKED_BYTES_MAX,
    JOBS_PER_AUTHOR_MAX,
    KEYWORDS_MAX,
    LABEL_CHARS_MAX,
    LIMIT_MAX,
    LOOKUPS_MAX,
    PROOF_STEPS_MAX,
    QUERY_CHARS_MAX,
    SAMPLE_ROWS,
    TOP_LABELS_MAX,
    URI_CHARS_MAX,
    USERNAMES_MAX,
)
from node.subnets.data_universe.sumtree import Step

ANY_SOURCE: Final = 0
INDEX_KIND: Final = "index"
JOBS_KIND: Final = "jobs"
DATASET_KIND: Final = "dataset"
INDEX_MEDIA: Final = "application/x-neurond-index"
BUCKET_MEDIA: Final = "application/x-neurond-bucket"
SEED_BYTES: Final = 32
MICRO: Final = 1_000_000  # weights of jobs travel in millionths
_MINUTES_MAX: Final = 2**32
_SOURCES: Final = frozenset(int(source) for source in Source)


def known_source(number: int, *, any_allowed: bool = False) -> int:
    """The number of a source. Raises MalformedMessage, naming those there are."""
    if number not in _SOURCES and not (any_allowed and number == ANY_SOURCE):
        listed = ", ".join(f"{source.value} {source.name.lower()}" for source in Source)
        raise MalformedMessage(f"There is no source {number}; known are {listed}.")
    return number


def normal_label(label: str) -> str:
    """A label that is in its normal form already. Raises MalformedMessage."""
    if label != label_of(label):
        raise MalformedMessage("A label is not in its normal form.")
    return label


# --- questions ------------------------------------------------------------------------------------------------------


class Commitment(Wire, frozen=True):
    """Which index of a miner the question is about: the number of its journal entry."""

    miner: AccountId
    sequence: int


class RowsAsk(Wire, frozen=True):
    """Prove the rows that the seed picks from what you had promised when it was drawn."""

    seed: bytes
    count: int
    committed: tuple[Commitment, ...]

    def check(self) -> None:
        if len(self.seed) != SEED_BYTES or not 0 < self.count <= SAMPLE_ROWS:
            raise MalformedMessage(f"A sample has a seed of {SEED_BYTES} bytes and 1 to {SAMPLE_ROWS} rows.")
        if len(self.committed) > COMMITMENTS_MAX:
            raise MalformedMessage(f"A question is about at most {COMMITMENTS_MAX} miners.")
        if any(len(each.miner) != HASH_BYTES or each.sequence < 0 for each in self.committed):
            raise MalformedMessage("A commitment names no miner, or no entry.")


class LookupAsk(Wire, frozen=True):
    """Show what you hold of these places (16-byte names of URIs)."""

    uris: tuple[bytes, ...]

    def check(self) -> None:
        if not 0 < len(self.uris) <= LOOKUPS_MAX or any(len(each) != TEXT_HASH_BYTES for each in self.uris):
            raise MalformedMessage(f"A look-up is about 1 to {LOOKUPS_MAX} names of {TEXT_HASH_BYTES} bytes.")


class BucketAsk(Wire, frozen=True):
    """Give a whole bucket of your last index, as a blob."""

    source: int
    label: str
    hour: int

    def check(self) -> None:
        known_source(self.source)
        normal_label(self.label)
        if not 0 <= self.hour < _MINUTES_MAX:
            raise MalformedMessage("An hour is out of range.")


class SearchAsk(Wire, frozen=True):
    """Find rows: of these authors, with these words (`any` or `all`), of that place, in that time.

    `source` 0 is any; `start` and `end` are minutes since 1970, 0 for open, the end not included.
    """

    source: int
    label: str
    usernames: tuple[str, ...]
    keywords: tuple[str, ...]
    url: str
    mode: str
    start: int
    end: int
    limit: int

    def check(self) -> None:
        known_source(self.source, any_allowed=True)
        normal_label(self.label)
        if len(self.usernames) > USERNAMES_MAX:
            raise MalformedMessage(f"At most {USERNAMES_MAX} usernames, not {len(self.usernames)}.")
        if len(self.keywords) > KEYWORDS_MAX:
            raise MalformedMessage(f"At most {KEYWORDS_MAX} keywords, not {len(self.keywords)}.")
        for text in (*self.usernames, *self.keywords):
            check_text("A username or keyword", text, max_chars=QUERY_CHARS_MAX)
            if not text.strip():
                raise MalformedMessage("A username or keyword is empty.")
        check_text("The URL", self.url, max_chars=URI_CHARS_MAX)
        if self.mode not in ("any", "all"):
            raise MalformedMessage(f"mode is any or all, not {self.mode[:20]!r}.")
        if not (0 <= self.start < _MINUTES_MAX and 0 <= self.end < _MINUTES_MAX):
            raise MalformedMessage("A time is out of range.")
        if self.end and self.start >= self.end:
            raise MalformedMessage("start must be before end.")
        if not 1 <= self.limit <= LIMIT_MAX:
            raise MalformedMessage(f"limit is 1 to {LIMIT_MAX}.")


class DataTask(Message, frozen=True):
    """One question; exactly one of the lists has one element."""

    rows: tuple[RowsAsk, ...] = ()
    lookup: tuple[LookupAsk, ...] = ()
    bucket: tuple[BucketAsk, ...] = ()
    search: tuple[SearchAsk, ...] = ()

    @property
    def ask(self) -> RowsAsk | LookupAsk | BucketAsk | SearchAsk:
        kinds: tuple[tuple[RowsAsk | LookupAsk | BucketAsk | SearchAsk, ...], ...]
        kinds = (self.rows, self.lookup, self.bucket, self.search)
        return next(asks[0] for asks in kinds if asks)

    def check(self) -> None:
        if len(self.rows) + len(self.lookup) + len(self.bucket) + len(self.search) != 1:
            raise MalformedMessage("A question is of exactly one kind.")
        self.ask.check()


# --- answers --------------------------------------------------------------------------------------------------------


class Row(Wire, frozen=True):
    """One row as it travels."""

    uri: str
    source: int
    label: str
    minute: int
    author: str
    content: str

    def entity(self) -> Entity:
        """The row as a checked entity. Raises MalformedMessage."""
        found = Entity(
            self.uri, Source(known_source(self.source)), self.label, self.minute, self.author, self.content
        )  # fmt: skip
        found.check()
        return found


def row_of(entity: Entity) -> Row:
    """An entity as it travels."""
    return Row(entity.uri, int(entity.source), entity.label, entity.minute, entity.author, entity.content)


class ProvenRow(Wire, frozen=True):
    """A row, the way from it to its bucket's root, the bucket's size and rows, and the way to the index's root."""

    row: Row
    in_bucket: tuple[Step, ...]
    bucket_size: int
    bucket_rows: int
    in_index: tuple[Step, ...]

    def check(self) -> None:
        self.row.entity()
        if max(len(self.in_bucket), len(self.in_index)) > PROOF_STEPS_MAX:
            raise MalformedMessage(f"A proof has at most {PROOF_STEPS_MAX} steps.")
        if not 0 <= self.bucket_size <= BUCKET_BYTES_MAX or not 0 < self.bucket_rows <= BUCKET_ROWS_MAX:
            raise MalformedMessage("A bucket's size or count is out of range.")


class DataPart(Part, frozen=True):
    """Rows with or without proofs, or a bucket as a blob; the last part counts the rows in its usage."""

    proven: tuple[ProvenRow, ...] = ()
    rows: tuple[Row, ...] = ()
    blob: tuple[BlobRef, ...] = ()

    def check(self) -> None:
        if len(self.proven) > SAMPLE_ROWS or len(self.rows) > LIMIT_MAX or len(self.blob) > 1:
            raise MalformedMessage("A part holds more than was asked for.")
        for proven in self.proven:
            proven.check()
        for row in self.rows:
            row.entity()
        for ref in self.blob:
            check_blob(ref, BUCKET_BYTES_MAX)
        if min(self.index, self.usage.prompt_tokens, self.usage.completion_tokens, self.usage.units) < 0:
            raise MalformedMessage("A number of a part is negative.")


def check_blob(ref: BlobRef, bytes_max: int) -> None:
    """Raise MalformedMessage when a reference is out of bounds."""
    if len(ref.sha256) != HASH_BYTES or not 0 < ref.size <= bytes_max:
        raise MalformedMessage(f"A blob has a hash and 1 to {bytes_max} bytes.")
    check_text("A media type", ref.media_type, max_chars=128)


# --- journal --------------------------------------------------------------------------------------------------------


class TopLabel(Wire, frozen=True):
    """A large label of an index."""

    source: int
    label: str
    size: int


class IndexNote(Message, frozen=True):
    """Journal kind `index`: what the author promises to hold from now on, until its next one."""

    root: Hash
    total: int
    rows: int
    buckets: int
    blob: BlobRef
    top: tuple[TopLabel, ...]

    def check(self) -> None:
        if len(self.root) != HASH_BYTES or min(self.total, self.rows, self.buckets) < 0:
            raise MalformedMessage("An index has a root and sums that are not negative.")
        if self.buckets > BUCKETS_MAX or self.total > BUCKETS_MAX * BUCKET_BYTES_MAX:
            raise MalformedMessage(f"An index has at most {BUCKETS_MAX} buckets.")
        check_blob(self.blob, INDEX_PACKED_BYTES_MAX)
        if len(self.top) > TOP_LABELS_MAX:
            raise MalformedMessage(f"An index names at most {TOP_LABELS_MAX} labels.")
        for each in self.top:
            known_source(each.source)
            normal_label(each.label)
            if each.size < 0:
                raise MalformedMessage("A size is negative.")


class Wish(Wire, frozen=True):
    """Data that its author wants: a label, maybe of a range of hours (0 is open), with a weight in millionths."""

    label: str
    micro: int
    start_hour: int
    end_hour: int


class JobsNote(Message, frozen=True):
    """Journal kind `jobs`: all wishes of the author, in place of the ones before."""

    wishes: tuple[Wish, ...]

    def check(self) -> None:
        if len(self.wishes) > JOBS_PER_AUTHOR_MAX:
            raise MalformedMessage(f"At most {JOBS_PER_AUTHOR_MAX} wishes.")
        for each in self.wishes:
            if not normal_label(each.label):
                raise MalformedMessage("A wish names a label.")
            if not 0 < each.micro <= MICRO or min(each.start_hour, each.end_hour) < 0:
                raise MalformedMessage("A wish weighs more than 0 and at most 1.")
            if each.end_hour and each.start_hour > each.end_hour:
                raise MalformedMessage("A wish ends before it begins.")
        if sum(each.micro for each in self.wishes) > MICRO:
            raise MalformedMessage("The wishes of one author weigh at most 1 together.")


class DatasetNote(Message, frozen=True):
    """Journal kind `dataset`: a data set that the author gives to anybody: a blob of packed files."""

    name: str
    rows: int
    blob: BlobRef
    schema: tuple[str, ...]

    def check(self) -> None:
        check_text("The name", self.name, max_chars=LABEL_CHARS_MAX)
        if not self.name or self.rows < 0 or len(self.schema) > 64:
            raise MalformedMessage("A data set has a name, a count of rows and at most 64 columns.")
        check_blob(self.blob, 2**40)
        for column in self.schema:
            check_text("A column", column, max_chars=64)


def sealed_of(proven: ProvenRow, root: Hash) -> SealedBucket:
    """The bucket that a proven row claims to be in."""
    row = proven.row
    return SealedBucket(
        Bucket(row.source, row.label, row.minute // 60), proven.bucket_size, proven.bucket_rows, root
    )  # fmt: skip


def plain(text: str) -> str:
    """A user's text in the form that travels."""
    return nfc(text).strip()
