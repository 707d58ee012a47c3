"""A score book as bytes: what an epoch's record begins with, and what its digest is taken of."""

from collections.abc import Iterable, Mapping

from node.market.errors import MalformedMessage
from node.market.frames import usage_numbers
from node.market.limits import RECENT_PER_MINER_MAX, RECORD_BOOK_BYTES_MAX
from node.market.record import facts_of
from node.market.record_lines import KINDS, bits, check_facts, check_lengths, check_numbers, from_bits
from node.primitives.codec import Wire, decode_canonical, encode
from node.primitives.crypto import digest
from node.primitives.errors import DecodeError
from node.primitives.types import ACCOUNT_BYTES, HASH_BYTES, AccountId, Hash, Height
from node.subnets.base import Code, Judged, Standing, Usage, Verdict


class JudgedRow(Wire, frozen=True):
    """One remembered verdict; floats as eight bytes, `score` empty where there is none."""

    task: Hash
    kind: int
    height: Height
    score: bytes
    code: int
    weight: bytes
    facts: tuple[tuple[str, bytes], ...]
    usage: Usage
    t_first_ms: int
    t_done_ms: int


class StandingRow(Wire, frozen=True):
    """One line of a book."""

    hotkey: AccountId
    score: bytes
    samples: bytes
    last_height: Height
    recent: tuple[JudgedRow, ...]


class BookRows(Wire, frozen=True):
    """A whole book, by hotkey."""

    rows: tuple[StandingRow, ...]


def encode_book(book: Mapping[AccountId, Standing] | Iterable[tuple[AccountId, Standing]]) -> bytes:
    """The canonical bytes of a book; equal books, verdicts included, have equal bytes."""
    return encode(BookRows(tuple(_row(hotkey, standing) for hotkey, standing in sorted(dict(book).items()))))


def decode_book(data: bytes) -> list[tuple[AccountId, Standing]]:
    """The standings in `data`. Raises MalformedMessage."""
    try:
        rows = decode_canonical(BookRows, data, max_bytes=RECORD_BOOK_BYTES_MAX).rows
    except DecodeError as error:
        raise MalformedMessage(error.message) from error
    keys = [row.hotkey for row in rows]
    if keys != sorted(set(keys)) or any(len(key) != ACCOUNT_BYTES for key in keys):
        raise MalformedMessage("The lines of a score book are not in order.")
    return [(row.hotkey, _standing(row)) for row in rows]


def book_digest(data: bytes) -> Hash:
    """What a record's head says of a book."""
    return digest("standings", data)


def _row(hotkey: AccountId, standing: Standing) -> StandingRow:
    recent = tuple(map(_judged_row, standing.recent))
    return StandingRow(hotkey, bits(standing.score), bits(standing.samples), standing.last_height, recent)


def _judged_row(judged: Judged) -> JudgedRow:
    verdict = judged.verdict
    return JudgedRow(
        judged.task,
        KINDS.index(judged.kind),
        judged.height,
        b"" if verdict.score is None else bits(verdict.score),
        int(verdict.code),
        bits(verdict.weight),
        facts_of(verdict.facts),
        judged.usage,
        judged.t_first_ms,
        judged.t_done_ms,
    )


def _standing(row: StandingRow) -> Standing:
    if len(row.recent) > RECENT_PER_MINER_MAX or row.last_height < 0:
        raise MalformedMessage("A line of a score book is out of bounds.")
    recent = tuple(map(_judged, row.recent))
    return Standing(from_bits(row.score), from_bits(row.samples), row.last_height, recent)


def _judged(row: JudgedRow) -> Judged:
    if row.kind not in range(len(KINDS)) or row.code not in Code.__members__.values():
        raise MalformedMessage("A verdict of a score book has a kind or code that none has.")
    check_lengths(HASH_BYTES, row.task)
    check_numbers(row.height, row.t_first_ms, row.t_done_ms, *usage_numbers(row.usage))
    check_facts(row.facts)
    verdict = Verdict(
        score=from_bits(row.score) if row.score else None,
        code=Code(row.code),
        weight=from_bits(row.weight),
        facts={name: from_bits(value) for name, value in row.facts},
    )
    return Judged(row.task, KINDS[row.kind], row.height, verdict, row.usage, row.t_first_ms, row.t_done_ms)
