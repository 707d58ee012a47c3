"""The words of `/neurond/sync/1`: one request frame, one answer frame, both canonical and bounded.

Source: docs/protocol.md, "Sync".
"""

from typing import cast

from node.consensus.certificate import Certificate, check_quorum_shape
from node.consensus.limits import HEIGHT_MAX
from node.ledger.header import Block, decode_block
from node.primitives.codec import Wire, decode_canonical, encode
from node.primitives.errors import DecodeError
from node.primitives.limits import SYNC_BLOCKS_PER_REQUEST_MAX, SYNC_RESPONSE_BYTES_MAX
from node.primitives.types import HASH_BYTES, Hash, Height
from node.sync.limits import BRANCH_BLOCKS_MAX, REQUEST_BYTES_MAX

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


Request = GetStatus | GetBlocks | GetBranch
Answer = Status | Blocks


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
        case GetStatus():
            pass
    return request


def decode_answer(data: bytes) -> Answer:
    """Return the well-formed answer in `data`; DecodeError or ConsensusError otherwise. Nothing is verified."""
    answer = decode_canonical(cast("type[Answer]", Answer), data, max_bytes=SYNC_RESPONSE_BYTES_MAX)
    if len(answer.certificate) > 1:
        raise DecodeError("An answer has at most one certificate.")
    for certificate in answer.certificate:
        check_quorum_shape(certificate)
    match answer:
        case Status():
            _check_status(answer)
        case Blocks():
            if len(answer.blocks) > SYNC_BLOCKS_PER_REQUEST_MAX:
                raise DecodeError(f"{len(answer.blocks)} blocks in one answer; {SYNC_BLOCKS_PER_REQUEST_MAX} at most.")
    return answer


def blocks_in(answer: Blocks) -> tuple[Block, ...]:
    """Return the well-formed blocks of an answer; DecodeError otherwise."""
    return tuple(decode_block(block) for block in answer.blocks)


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


def _check_range(limit: int, limit_max: int, height: int) -> None:
    if not 0 < limit <= limit_max:
        raise DecodeError(f"A request asks for 1 to {limit_max} blocks, not {limit}.")
    if not 0 < height <= HEIGHT_MAX:
        raise DecodeError("The height of this request is out of range.")


def _check_hash(value: bytes) -> None:
    if len(value) != HASH_BYTES:
        raise DecodeError("A hash of this message has the wrong length.")
