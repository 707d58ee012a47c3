"""The words of `/neurond/sync/1`: one request frame, one answer frame, both canonical and bounded.

Tags are for ever; new ones are appended. Source: docs/protocol.md, "Sync".
"""

from typing import assert_never, cast

from node.consensus.certificate import Certificate, check_quorum_shape
from node.consensus.limits import HEIGHT_MAX
from node.ledger.header import Block, Header, check_header_shape, decode_block, decode_header
from node.light.limits import PROOF_ROWS_MAX
from node.light.proofs import ProvenRow, check_row_shape
from node.light.readings import Reading, check_reading
from node.light.steps import LightStep, check_step_shape
from node.primitives.codec import Wire, decode_canonical, encode
from node.primitives.errors import DecodeError
from node.primitives.limits import SYNC_BLOCKS_PER_REQUEST_MAX, SYNC_RESPONSE_BYTES_MAX
from node.primitives.types import HASH_BYTES, Hash, Height
from node.sync.limits import (
    BRANCH_BLOCKS_MAX,
    CHUNK_PREFIX_BYTES_MAX,
    HEADERS_PER_REQUEST_MAX,
    PROOF_PATHS_MAX,
    REQUEST_BYTES_MAX,
    STEPS_PER_REQUEST_MAX,
)
from node.sync.snapshot import Chunk, Manifest, check_chunk_shape, check_manifest_shape

PROTOCOL = "/neurond/sync/1"


class GetStatus(Wire, frozen=True, tag=1):
    """Where are you? Answered by `Status`."""


class GetBlocks(Wire, frozen=True, tag=2):
    """Finalised blocks from `from_height` on, at most `limit`. Answered by `Blocks`."""

    from_height: Height
    limit: int


class GetBranch(Wire, frozen=True, tag=3):
    """The unfinalised block `tip` and its unfinalised ancestors, the newest `limit` of them. Answered by `Blocks`."""

    tip: Hash
    limit: int


class Status(Wire, frozen=True, tag=4):
    """Where the answering node stands; `certificate` (none at genesis) proves its finalised block."""

    genesis_hash: Hash
    finalised_height: Height
    finalised_hash: Hash
    head_height: Height
    head_hash: Hash
    certificate: tuple[Certificate, ...]


class Blocks(Wire, frozen=True, tag=5):
    """The canonical bytes of blocks, oldest first, and the certificate of the last where the answering node has it."""

    blocks: tuple[bytes, ...]
    certificate: tuple[Certificate, ...]


class GetSteps(Wire, frozen=True, tag=6):
    """The light steps above `above_height`, at most `limit`. Answered by `Steps`."""

    above_height: Height
    limit: int


class Steps(Wire, frozen=True, tag=7):
    """Light steps, oldest first: every one that changes the set, and one for each authority epoch."""

    steps: tuple[LightStep, ...]


class GetHeaders(Wire, frozen=True, tag=8):
    """Headers of finalised blocks from `from_height` on, at most `limit`; 0 is genesis. Answered by `Headers`."""

    from_height: Height
    limit: int


class Headers(Wire, frozen=True, tag=9):
    """The canonical bytes of headers, oldest first."""

    headers: tuple[bytes, ...]


class GetProof(Wire, frozen=True, tag=10):
    """The rows of the state under `paths`, after the newest certified block. Answered by `Proofs`."""

    paths: tuple[Hash, ...]


class GetReading(Wire, frozen=True, tag=11):
    """All rows that settle `reading`, after the newest certified block. Answered by `Proofs`."""

    reading: Reading


class Proofs(Wire, frozen=True, tag=12):
    """Rows under the state root of `header`, which `certificate` (none at genesis) proves; no rows: too many."""

    header: Header
    certificate: tuple[Certificate, ...]
    rows: tuple[ProvenRow, ...]


class GetManifest(Wire, frozen=True, tag=13):
    """The newest snapshot of the answering node. Answered by `Offer`."""


class Offer(Wire, frozen=True, tag=14):
    """A snapshot's manifest, or none."""

    manifest: tuple[Manifest, ...]


class GetChunk(Wire, frozen=True, tag=15):
    """What is under `prefix` in the snapshot of the block `block_hash`. Answered by `Piece`."""

    block_hash: Hash
    prefix: bytes


class Piece(Wire, frozen=True, tag=16):
    """A chunk of a snapshot, or none where the answering node does not have that snapshot (any more)."""

    chunk: tuple[Chunk, ...]


Request = GetStatus | GetBlocks | GetBranch | GetSteps | GetHeaders | GetProof | GetReading | GetManifest | GetChunk
Answer = Status | Blocks | Steps | Headers | Proofs | Offer | Piece


def encode_request(request: Request) -> bytes:
    """Return the canonical bytes of `request`."""
    return encode(request)


def encode_answer(answer: Answer) -> bytes:
    """Return the canonical bytes of `answer`."""
    return encode(answer)


def decode_request(data: bytes) -> Request:
    """Return the well-formed request in `data`; DecodeError otherwise."""
    request = decode_canonical(cast("type[Request]", Request), data, max_bytes=REQUEST_BYTES_MAX)
    match request:
        case GetBlocks():
            _check_range(request.limit, SYNC_BLOCKS_PER_REQUEST_MAX, request.from_height)
        case GetBranch():
            _check_range(request.limit, BRANCH_BLOCKS_MAX, 1)
            _check_hash(request.tip)
        case GetSteps():
            _check_range(request.limit, STEPS_PER_REQUEST_MAX, request.above_height + 1)
        case GetHeaders():
            _check_range(request.limit, HEADERS_PER_REQUEST_MAX, request.from_height + 1)
        case GetProof():
            _check_paths(request.paths)
        case GetReading():
            check_reading(request.reading)
        case GetChunk():
            _check_hash(request.block_hash)
            if not 0 < len(request.prefix) <= CHUNK_PREFIX_BYTES_MAX:
                raise DecodeError(f"The prefix of a chunk has 1 to {CHUNK_PREFIX_BYTES_MAX} bytes.")
        case GetStatus() | GetManifest():
            pass
        case _:
            assert_never(request)
    return request


def decode_answer(data: bytes) -> Answer:
    """Return the well-formed answer in `data`; DecodeError or ConsensusError otherwise. Nothing is verified."""
    answer = decode_canonical(cast("type[Answer]", Answer), data, max_bytes=SYNC_RESPONSE_BYTES_MAX)
    match answer:
        case Status():
            _check_certificate(answer.certificate)
            _check_status(answer)
        case Blocks():
            _check_certificate(answer.certificate)
            _check_count("blocks", len(answer.blocks), SYNC_BLOCKS_PER_REQUEST_MAX)
        case Steps():
            _check_count("light steps", len(answer.steps), STEPS_PER_REQUEST_MAX)
            for step in answer.steps:
                check_step_shape(step)
        case Headers():
            _check_count("headers", len(answer.headers), HEADERS_PER_REQUEST_MAX)
        case Proofs():
            _check_proofs(answer)
        case Offer():
            _check_count("manifests", len(answer.manifest), 1)
            for manifest in answer.manifest:
                check_manifest_shape(manifest)
        case Piece():
            _check_count("chunks", len(answer.chunk), 1)
            for chunk in answer.chunk:
                check_chunk_shape(chunk)
        case _:
            assert_never(answer)
    return answer


def blocks_in(answer: Blocks) -> tuple[Block, ...]:
    """Return the well-formed blocks of an answer; DecodeError otherwise."""
    return tuple(decode_block(block) for block in answer.blocks)


def headers_in(answer: Headers) -> tuple[Header, ...]:
    """Return the well-formed headers of an answer; DecodeError otherwise."""
    return tuple(decode_header(header) for header in answer.headers)


def _check_status(status: Status) -> None:
    for value in (status.genesis_hash, status.finalised_hash, status.head_hash):
        _check_hash(value)
    if not 0 <= status.finalised_height <= status.head_height <= HEIGHT_MAX:
        raise DecodeError("The heights of this status are out of range.")
    if (status.finalised_height == 0) != (not status.certificate):
        raise DecodeError("A status has a certificate exactly when something is finalised.")
    for certificate in status.certificate:
        if certificate.block != (status.finalised_hash, status.finalised_height):
            raise DecodeError("The certificate of this status is of another block.")


def _check_proofs(proofs: Proofs) -> None:
    check_header_shape(proofs.header)
    _check_certificate(proofs.certificate)
    if (proofs.header.height == 0) != (not proofs.certificate):
        raise DecodeError("Proofs have a certificate exactly when they are of a block above genesis.")
    _check_count("rows", len(proofs.rows), PROOF_ROWS_MAX)
    for row in proofs.rows:
        check_row_shape(row)


def _check_certificate(certificates: tuple[Certificate, ...]) -> None:
    _check_count("certificates", len(certificates), 1)
    for certificate in certificates:
        check_quorum_shape(certificate)


def _check_count(what: str, count: int, count_max: int) -> None:
    if count > count_max:
        raise DecodeError(f"{count} {what} in one answer; {count_max} at most.")


def _check_range(limit: int, limit_max: int, height: int) -> None:
    if not 0 < limit <= limit_max:
        raise DecodeError(f"A request asks for 1 to {limit_max}, not {limit}.")
    if not 0 < height <= HEIGHT_MAX:
        raise DecodeError("The height of this request is out of range.")


def _check_paths(paths: tuple[Hash, ...]) -> None:
    if not 0 < len(paths) <= PROOF_PATHS_MAX:
        raise DecodeError(f"A request asks for 1 to {PROOF_PATHS_MAX} rows, not {len(paths)}.")
    for path in paths:
        _check_hash(path)


def _check_hash(value: bytes) -> None:
    if len(value) != HASH_BYTES:
        raise DecodeError("A hash of this message has the wrong length.")
