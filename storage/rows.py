"""The shapes that the chain store takes and gives, and the check that they fit its bounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from storage.errors import OutOfBounds
from storage.limits import (
    BODY_BYTES_MAX,
    CERTIFICATE_BYTES_MAX,
    EVENT_BYTES_MAX,
    HASH_BYTES,
    HEADER_BYTES_MAX,
    INTEGER_MAX,
    MANIFEST_BYTES_MAX,
    META_NAME_CHARS_MAX,
    META_VALUE_BYTES_MAX,
    PREFIX_BYTES_MAX,
    ROWS_PER_COMMIT_MAX,
    STATE_VALUE_BYTES_MAX,
    STEP_BYTES_MAX,
)


@dataclass(frozen=True, slots=True)
class BlockRow:
    """One block of any fork; hashes have 32 bytes."""

    hash: bytes
    parent: bytes
    height: int
    slot: int
    header: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class HeaderRow:
    """One block of any fork without its body, which may have been pruned."""

    hash: bytes
    parent: bytes
    height: int
    slot: int
    header: bytes


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step of a light client: a certified header and what it needs with it."""

    height: int
    step: bytes


@dataclass(frozen=True, slots=True)
class Horizon:
    """From which heights on everything final is stored; 0: from the first block. Genesis and steps always are."""

    headers_from: int
    bodies_from: int
    """Bodies, events, transactions and certificates."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """What turns a staged snapshot into the state: the block that it is the state of, and its proof."""

    block: HeaderRow
    certificate: bytes
    steps: tuple[StepRow, ...] = ()


@dataclass(frozen=True, slots=True)
class CertificateRow:
    """Proof that the block at this height is final."""

    height: int
    block: bytes
    certificate: bytes


@dataclass(frozen=True, slots=True)
class Tip:
    """The latest finalised block."""

    height: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Commit:
    """Everything that one transaction writes; the parts take effect in the order listed."""

    blocks: tuple[BlockRow, ...] = ()
    """Blocks of any fork, not yet final; one that is known already is left as it is."""
    drop_blocks: tuple[bytes, ...] = ()
    """Blocks of losing forks; unknown hashes are ignored, finalised ones refused."""
    finalised: tuple[tuple[int, bytes], ...] = ()
    """(height, hash) becoming final: each the child of the one before, the first the child of the present tip."""
    certificates: tuple[tuple[int, bytes, bytes], ...] = ()
    """(height, block hash, certificate) of finalised blocks."""
    state: Mapping[bytes, bytes | None] = field(default_factory=dict[bytes, bytes | None])
    """path -> value, None deletes: the net change of `finalised`, so that rows are the state of the tip."""
    events: tuple[tuple[int, int, bytes], ...] = ()
    """(height, position in the block, event)."""
    transactions: tuple[tuple[bytes, int, int], ...] = ()
    """(transaction hash, height, position in the block)."""
    meta: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    """Small named values about the store."""
    steps: tuple[StepRow, ...] = ()
    """Steps of light clients at finalised heights; a height has one."""


def check_commit(commit: Commit) -> None:
    """Refuse a commit that is larger than the bounds of storage.limits.

    Raises:
        OutOfBounds: naming what is too large.
    """
    rows = len(commit.state) + len(commit.events) + len(commit.transactions) + len(commit.blocks)
    _check_number(rows, "the number of rows of a commit", ROWS_PER_COMMIT_MAX)
    for block in commit.blocks:
        _check_hash(block.hash, "a block hash")
        _check_hash(block.parent, "a parent hash")
        _check_number(block.height, "a height")
        _check_number(block.slot, "a slot")
        _check_size(block.header, "a header", HEADER_BYTES_MAX)
        _check_size(block.body, "a body", BODY_BYTES_MAX)
    for height, block_hash in commit.finalised:
        _check_number(height, "a height")
        _check_hash(block_hash, "a block hash")
    for height, block_hash, certificate in commit.certificates:
        _check_number(height, "a height")
        _check_hash(block_hash, "a block hash")
        _check_size(certificate, "a certificate", CERTIFICATE_BYTES_MAX)
    for path, value in commit.state.items():
        _check_hash(path, "a state path")
        if value is not None:
            _check_size(value, "a state value", STATE_VALUE_BYTES_MAX)
    for height, position, event in commit.events:
        _check_number(height, "a height")
        _check_number(position, "a position")
        _check_size(event, "an event", EVENT_BYTES_MAX)
    for transaction_hash, height, position in commit.transactions:
        _check_hash(transaction_hash, "a transaction hash")
        _check_number(height, "a height")
        _check_number(position, "a position")
    check_steps(commit.steps)
    for name, value in commit.meta.items():
        _check_number(len(name), "the length of a meta name", META_NAME_CHARS_MAX)
        _check_size(value, f"the meta value {name}", META_VALUE_BYTES_MAX)


def check_steps(steps: tuple[StepRow, ...]) -> None:
    """Refuse steps beyond the bounds (OutOfBounds)."""
    for step in steps:
        _check_number(step.height, "a height")
        _check_size(step.step, "a step", STEP_BYTES_MAX)


def check_adoption(adoption: Adoption) -> None:
    """Refuse an adoption beyond the bounds (OutOfBounds)."""
    block = adoption.block
    _check_hash(block.hash, "a block hash")
    _check_hash(block.parent, "a parent hash")
    _check_number(block.height, "a height")
    _check_number(block.slot, "a slot")
    _check_size(block.header, "a header", HEADER_BYTES_MAX)
    _check_size(adoption.certificate, "a certificate", CERTIFICATE_BYTES_MAX)
    check_steps(adoption.steps)


def check_part(prefix: bytes, rows: Sequence[tuple[bytes, bytes]]) -> None:
    """Refuse a part of a snapshot beyond the bounds (OutOfBounds)."""
    _check_number(len(prefix), "the length of a prefix", PREFIX_BYTES_MAX)
    _check_number(len(rows), "the number of rows of a part", ROWS_PER_COMMIT_MAX)
    for path, value in rows:
        _check_hash(path, "a state path")
        _check_size(value, "a state value", STATE_VALUE_BYTES_MAX)


def check_manifest(manifest: bytes) -> None:
    """Refuse a manifest beyond the bounds (OutOfBounds)."""
    _check_size(manifest, "a manifest", MANIFEST_BYTES_MAX)


def _check_hash(value: bytes, what: str) -> None:
    if len(value) != HASH_BYTES:
        raise OutOfBounds(f"The store takes {HASH_BYTES} bytes for {what}, not {len(value)}.")


def _check_size(value: bytes, what: str, bytes_max: int) -> None:
    if len(value) > bytes_max:
        raise OutOfBounds(f"The store takes at most {bytes_max} bytes for {what}, not {len(value)}.")


def _check_number(value: int, what: str, maximum: int = INTEGER_MAX) -> None:
    if not 0 <= value <= maximum:
        raise OutOfBounds(f"The store takes 0 to {maximum} for {what}, not {value}.")
