"""Questions and answers of `/neurond/sync/1`: docs/protocol.md, "Sync"."""

from dataclasses import dataclass

from tests.reference.follower.shapes import (
    HEIGHT,
    Block,
    Certificate,
    Chunk,
    Header,
    LightStep,
    Manifest,
    ProvenRow,
    block_in,
    header_in,
    read_certificate,
    read_chunk,
    read_header,
    read_light_step,
    read_manifest,
    read_proven_row,
)
from tests.reference.follower.wire import Fields, Struct, Value, as_bytes, pack, require, unpack

PROTOCOL = "/neurond/sync/1"
REQUEST_BYTES = 4_096
ANSWER_BYTES = 4_194_304
BLOCKS, STEPS, HEADERS, ROWS = 128, 256, 512, 4_096


def get_status() -> bytes:
    return pack([1])


def get_blocks(from_height: int, limit: int = BLOCKS) -> bytes:
    return pack([2, from_height, limit])


def get_branch(tip: bytes, limit: int = BLOCKS) -> bytes:
    return pack([3, tip, limit])


def get_steps(above_height: int, limit: int = STEPS) -> bytes:
    return pack([6, above_height, limit])


def get_headers(from_height: int, limit: int = HEADERS) -> bytes:
    return pack([8, from_height, limit])


def get_proof(*paths: bytes) -> bytes:
    return pack([10, list(paths)])


def get_reading(*reading: Value) -> bytes:
    """A reading is tagged: 1 account, 2 coldkey, 3 netuid, 4 netuid uid, 5 netuid, 6."""
    return pack([11, list(reading)])


def get_manifest() -> bytes:
    return pack([13])


def get_chunk(block_hash: bytes, prefix: bytes) -> bytes:
    return pack([15, block_hash, prefix])


# --- answers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Status(Struct):
    TAG = 4
    genesis_hash: bytes
    finalised_height: int
    finalised_hash: bytes
    head_height: int
    head_hash: bytes
    certificate: tuple[Certificate, ...]


@dataclass(frozen=True)
class Proofs(Struct):
    TAG = 12
    header: Header
    certificate: tuple[Certificate, ...]
    rows: tuple[ProvenRow, ...]


def _fields(raw: bytes, tag: int, count: int) -> Fields:
    return Fields(unpack(raw, ANSWER_BYTES), count, tag)


def status_in(raw: bytes) -> Status:
    each = _fields(raw, 4, 6)
    status = Status(
        each.fixed(), each.number(HEIGHT), each.fixed(), each.number(HEIGHT), each.fixed(),
        each.each(read_certificate, 1),
    )  # fmt: skip
    require(status.finalised_height <= status.head_height, "the head is not below the final block")
    require((status.finalised_height == 0) == (not status.certificate), "a certificate, but for genesis")
    for certificate in status.certificate:
        block = (certificate.height, certificate.block_hash)
        require(block == (status.finalised_height, status.finalised_hash), "a certificate of another block")
    return status


def blocks_in(raw: bytes) -> tuple[tuple[Block, ...], tuple[Certificate, ...]]:
    each = _fields(raw, 5, 2)
    blocks = tuple(block_in(block) for block in each.each(as_bytes, BLOCKS))
    return blocks, each.each(read_certificate, 1)


def steps_in(raw: bytes) -> tuple[LightStep, ...]:
    return _fields(raw, 7, 1).each(read_light_step, STEPS)


def headers_in(raw: bytes) -> tuple[Header, ...]:
    return tuple(header_in(header) for header in _fields(raw, 9, 1).each(as_bytes, HEADERS))


def proofs_in(raw: bytes) -> Proofs:
    each = _fields(raw, 12, 3)
    found = Proofs(each.one(read_header), each.each(read_certificate, 1), each.each(read_proven_row, ROWS))
    require((found.header.height == 0) == (not found.certificate), "a certificate, but for genesis")
    return found


def offer_in(raw: bytes) -> tuple[Manifest, ...]:
    return _fields(raw, 14, 1).each(read_manifest, 1)


def piece_in(raw: bytes) -> tuple[Chunk, ...]:
    return _fields(raw, 16, 1).each(read_chunk, 1)
