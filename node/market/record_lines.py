"""The lines of a validator's record and their checks: what was asked, answered, judged and weighed, in order.

Floats travel as the eight bytes they are in memory, so that a copy computes the same bits. Wire forms only.
"""

import math
import struct
from typing import Final, cast

from node.market.errors import MalformedMessage
from node.market.limits import (
    FACT_NAME_CHARS_MAX,
    FACTS_MAX,
    PEER_ID_CHARS_MAX,
    RECORD_LINE_BYTES_MAX,
    SEATED_ROWS_MAX,
    TARGETS_MAX,
)
from node.primitives.codec import Wire, decode_canonical
from node.primitives.errors import DecodeError
from node.primitives.types import ACCOUNT_BYTES, HASH_BYTES, SIGNATURE_BYTES, AccountId, Hash, Height, Uid
from node.subnets.base import Code, Usage

KINDS: Final = ("user", "challenge", "audit")
NOTHING: Final = b""
"""In place of a score, an answer or a signature where there is none."""


class SeatRow(Wire, frozen=True):
    """One seat as the validator saw it."""

    uid: Uid
    hotkey: AccountId
    coldkey: AccountId
    peer_id: str
    addresses: tuple[str, ...]
    stake_rao: int
    validator_permit: bool
    last_update: Height


class Started(Wire, frozen=True, tag=1):
    """The rules from here on: at the beginning of an epoch, and whenever the validator starts. `alpha` is a float."""

    height: Height
    subnet: str
    spec_version: int
    alpha: bytes
    sample: int
    challenge_blocks: int
    models: tuple[str, ...]


class Seated(Wire, frozen=True, tag=2):
    """Seats that are new or changed since the last such line, and those that are gone."""

    height: Height
    changed: tuple[SeatRow, ...]
    gone: tuple[Uid, ...]


class Stated(Wire, frozen=True, tag=3):
    """Rows of the subnet's journal state that are new or changed, and those that are gone."""

    changed: tuple[tuple[bytes, bytes], ...]
    gone: tuple[bytes, ...]


class Untold(Wire, frozen=True, tag=4):
    """From here on the journal state is too large for a record: so many rows and bytes."""

    rows: int
    size_bytes: int


class Opened(Wire, frozen=True, tag=5):
    """A challenge went out. Seed, targets, task and the challenge's identity follow from this and the lines before."""

    round: int
    height: Height
    block_hash: Hash
    secret: Hash
    seed_block: Hash
    asked_at: Height
    peer_id: str
    targets: tuple[AccountId, ...]
    body_digest: Hash
    signature: bytes


class Booked(Wire, frozen=True, tag=6):
    """A verdict was booked. `question` is a challenge or a call; `answer` and `signature` are the miner's, if any."""

    question: Hash
    kind: int
    miner: AccountId
    height: Height
    score: bytes
    code: int
    weight: bytes
    facts: tuple[tuple[str, bytes], ...]
    usage: Usage
    t_first_ms: int
    t_done_ms: int
    answer: bytes
    signature: bytes


class Decayed(Wire, frozen=True, tag=7):
    """Scores of miners that nobody could judge for long lost a part."""

    height: Height
    miners: tuple[AccountId, ...]


class Lot(Wire, frozen=True, tag=8):
    """A user's call through this validator was finished, and lots were drawn whether to audit it."""

    request: Hash
    miner: AccountId
    answer: Hash
    round: int
    secret: Hash
    taken: bool


class Weighed(Wire, frozen=True, tag=9):
    """Weights were made of the book as it is here; `commit` is their commit's hash where they are committed first."""

    height: Height
    block_hash: Hash
    uids: tuple[Uid, ...]
    values: tuple[int, ...]
    version_key: int
    commit: bytes


Line = Started | Seated | Stated | Untold | Opened | Booked | Decayed | Lot | Weighed
_LINE: Final = cast("type[Line]", Line)  # a union decodes like a type


# --- bytes ------------------------------------------------------------------------------------------------------------


def bits(value: float) -> bytes:
    """The eight bytes of a float, IEEE 754, big endian."""
    return struct.pack(">d", value)


def from_bits(data: bytes) -> float:
    """The float of eight bytes. Raises MalformedMessage for another length and for what is not finite."""
    if len(data) != 8:
        raise MalformedMessage("A float of a record has not eight bytes.")
    value = float(struct.unpack(">d", data)[0])
    if not math.isfinite(value):
        raise MalformedMessage("A float of a record is not finite.")
    return value


def decode_line(data: bytes) -> Line:
    """The checked line in `data`. Raises MalformedMessage."""
    try:
        line = decode_canonical(_LINE, data, max_bytes=RECORD_LINE_BYTES_MAX)
    except DecodeError as error:
        raise MalformedMessage(error.message) from error
    _check_line(line)
    return line


# --- checks ---------------------------------------------------------------------------------------------------------


def _check_line(line: Line) -> None:
    match line:
        case Started():
            from_bits(line.alpha)
            check_numbers(line.height, line.spec_version, line.sample, line.challenge_blocks - 1)
        case Seated():
            _check_seats(line)
        case Opened():
            check_lengths(HASH_BYTES, line.block_hash, line.secret, line.seed_block, line.body_digest)
            check_lengths(ACCOUNT_BYTES, *line.targets)
            check_lengths(SIGNATURE_BYTES, line.signature)
            check_numbers(line.round, line.height, line.asked_at)
            if not 0 < len(line.targets) <= TARGETS_MAX or len(line.peer_id) > PEER_ID_CHARS_MAX:
                raise MalformedMessage(f"A challenge has 1 to {TARGETS_MAX} targets and a short peer id.")
        case Booked():
            _check_booked(line)
        case Decayed():
            check_lengths(ACCOUNT_BYTES, *line.miners)
        case Lot():
            check_lengths(HASH_BYTES, line.request, line.answer, line.secret)
            check_lengths(ACCOUNT_BYTES, line.miner)
            check_numbers(line.round)
        case Weighed():
            check_lengths(HASH_BYTES, line.block_hash, *([line.commit] if line.commit else []))
            check_numbers(line.height, line.version_key, *line.uids, *line.values)
            if len(line.uids) != len(line.values):
                raise MalformedMessage("Weights are not parallel to seats.")
        case Stated() | Untold():
            pass


def _check_seats(line: Seated) -> None:
    if len(line.changed) > SEATED_ROWS_MAX or len(line.gone) > SEATED_ROWS_MAX:
        raise MalformedMessage(f"A line of a record names at most {SEATED_ROWS_MAX} seats.")
    for row in line.changed:
        check_lengths(ACCOUNT_BYTES, row.hotkey, row.coldkey)
        check_numbers(row.uid, row.stake_rao, row.last_update)
    check_numbers(line.height, *line.gone)


def _check_booked(line: Booked) -> None:
    check_lengths(HASH_BYTES, line.question, *([line.answer] if line.answer else []))
    check_lengths(ACCOUNT_BYTES, line.miner)
    check_lengths(SIGNATURE_BYTES, *([line.signature] if line.answer else []))
    check_numbers(line.height, line.t_first_ms, line.t_done_ms, line.usage.prompt_tokens, line.usage.completion_tokens)
    check_numbers(line.usage.units)
    if line.signature and not line.answer:
        raise MalformedMessage("A verdict of a record has a signature and no answer.")
    if line.kind not in range(len(KINDS)) or line.code not in Code.__members__.values():
        raise MalformedMessage("A verdict of a record has a kind or code that none has.")
    if line.score:
        from_bits(line.score)
    from_bits(line.weight)
    check_facts(line.facts)


def check_facts(facts: tuple[tuple[str, bytes], ...]) -> None:
    """Raise MalformedMessage when the facts of a verdict are too many, not in order, or no numbers."""
    names = [name for name, _ in facts]
    if len(facts) > FACTS_MAX or names != sorted(set(names)):
        raise MalformedMessage("The facts of a verdict are too many, or not in order.")
    for name, value in facts:
        from_bits(value)
        if not 0 < len(name) <= FACT_NAME_CHARS_MAX:
            raise MalformedMessage("The name of a fact is empty or too long.")


def check_lengths(expected: int, *values: bytes) -> None:
    if any(len(value) != expected for value in values):
        raise MalformedMessage(f"A field of {expected} bytes has another length.")


def check_numbers(*numbers: int) -> None:
    if min(numbers, default=0) < 0:
        raise MalformedMessage("A number of a record is negative or zero where it must not be.")
