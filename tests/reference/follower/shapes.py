"""Headers, blocks, votes, proposals, certificates, evidence, proofs, light steps and snapshots as docs/protocol.md
tabulates them.

A `read` function takes a decoded value and refuses a wrong form; whether a signature holds is asked elsewhere.
"""

from dataclasses import dataclass
from typing import ClassVar

from tests.reference.follower.wire import (
    SIGNATURE,
    U64,
    UNSIGNED,
    ZEROS,
    Fields,
    Refused,
    Struct,
    Value,
    as_bytes,
    as_hash,
    as_number,
    h,
    pack,
    require,
    unpack,
)

HEADER_BYTES = 65_536
BLOCK_BYTES = 1_048_576
TRANSACTIONS = 5_000
TRANSACTION_BYTES = 16_384
AUTHORITIES = 1_000
HEIGHT = INSTANCE = 2**48
ROUND = 2**32
MESSAGE_BYTES = 82_944
EVIDENCE_BYTES = 166_912
VALUE_BYTES = 65_536
LEVELS_BYTES = 32
SIBLINGS = 256
PREFIX_BYTES = 8
BRANCHES = 256
ROWS = 2**40
PREVOTE, PRECOMMIT = 1, 2


@dataclass(frozen=True)
class Authority(Struct):
    account: bytes
    weight: int
    stake: int


def read_authority(value: Value) -> Authority:
    each = Fields(value, 3)
    authority = Authority(each.fixed(), each.number(), each.number())
    require(authority.weight + authority.stake > 0, "an authority without weight and stake")
    return authority


@dataclass(frozen=True)
class Header(Struct):
    version: int
    height: int
    slot: int
    parent: bytes
    proposer: bytes
    transactions_root: bytes
    state_root: bytes
    set_id: int
    next_set_hash: bytes
    next_set: tuple[Authority, ...]
    signature: bytes

    @property
    def hash(self) -> bytes:
        return h("header", self.raw())

    def seal_message(self, genesis_hash: bytes) -> bytes:
        return h("seal", genesis_hash, pack([*self.plain()[:-1], UNSIGNED]))


def read_header(value: Value) -> Header:
    each = Fields(value, 11)
    return Header(
        each.number(1, 1), each.number(), each.number(), each.fixed(), each.fixed(), each.fixed(), each.fixed(),
        each.number(), each.fixed(), each.each(read_authority, AUTHORITIES), each.fixed(SIGNATURE),
    )  # fmt: skip


def header_in(raw: bytes) -> Header:
    return read_header(unpack(raw, HEADER_BYTES))


@dataclass(frozen=True)
class Block(Struct):
    header: Header
    transactions: tuple[bytes, ...]


def read_block(value: Value) -> Block:
    each = Fields(value, 2)
    return Block(each.one(read_header), each.each(as_bytes, TRANSACTIONS))


def block_in(raw: bytes) -> Block:
    return read_block(unpack(raw, BLOCK_BYTES))


# --- finality ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Vote(Struct):
    TAG: ClassVar[int | None] = 2
    set_id: int
    instance: int
    round: int
    step: int
    height: int
    block_hash: bytes
    voter: bytes
    signature: bytes

    def message(self, genesis_hash: bytes) -> bytes:
        place: list[Value] = [self.set_id, self.instance, self.round, self.step, self.height, self.block_hash]
        return h("vote", genesis_hash, pack(place))


def read_vote(value: Value) -> Vote:
    each = Fields(value, 8, 2)
    vote = Vote(
        each.number(), each.number(INSTANCE, 1), each.number(ROUND), each.number(PRECOMMIT, PREVOTE),
        each.number(HEIGHT), each.fixed(), each.fixed(), each.fixed(SIGNATURE),
    )  # fmt: skip
    require((vote.height == 0) == (vote.block_hash == ZEROS), "nil is the zero hash at height 0")
    return vote


@dataclass(frozen=True)
class Quorum(Struct):
    """A certificate (tag 3, precommits) or a lock proof (tag 4, prevotes)."""

    set_id: int
    instance: int
    round: int
    height: int
    block_hash: bytes
    bitmap: bytes
    signatures: tuple[bytes, ...]

    @property
    def step(self) -> int:
        return PRECOMMIT if self.TAG == Certificate.TAG else PREVOTE

    @property
    def seats(self) -> list[int]:
        return [seat for seat in range(8 * len(self.bitmap)) if self.bitmap[seat // 8] >> seat % 8 & 1]

    def message(self, genesis_hash: bytes) -> bytes:
        place: list[Value] = [self.set_id, self.instance, self.round, self.step, self.height, self.block_hash]
        return h("vote", genesis_hash, pack(place))


@dataclass(frozen=True)
class Certificate(Quorum):
    TAG: ClassVar[int | None] = 3


@dataclass(frozen=True)
class LockProof(Quorum):
    TAG: ClassVar[int | None] = 4


def _read_signature(value: Value) -> bytes:
    signature = as_bytes(value)
    require(len(signature) == SIGNATURE, "a signature has 64 bytes")
    return signature


def _read_quorum(each: Fields) -> tuple[int, int, int, int, bytes, bytes, tuple[bytes, ...]]:
    found = (
        each.number(), each.number(INSTANCE, 1), each.number(ROUND), each.number(HEIGHT, 1), each.fixed(),
        each.blob(AUTHORITIES // 8), each.each(_read_signature, AUTHORITIES),
    )  # fmt: skip
    require(found[4] != ZEROS, "nothing cannot be certified")
    require(sum(byte.bit_count() for byte in found[5]) == len(found[6]), "as many signatures as marked seats")
    return found


def read_certificate(value: Value) -> Certificate:
    return Certificate(*_read_quorum(Fields(value, 7, 3)))


def read_lock_proof(value: Value) -> LockProof:
    return LockProof(*_read_quorum(Fields(value, 7, 4)))


@dataclass(frozen=True)
class Proposal(Struct):
    TAG: ClassVar[int | None] = 1
    set_id: int
    instance: int
    round: int
    height: int
    block_hash: bytes
    proof: tuple[LockProof, ...]
    proposer: bytes
    signature: bytes

    def message(self, genesis_hash: bytes) -> bytes:
        place: list[Value] = [self.set_id, self.instance, self.round, self.height, self.block_hash]
        return h("proposal", genesis_hash, pack(place), pack([proof.plain() for proof in self.proof]))


def read_proposal(value: Value) -> Proposal:
    each = Fields(value, 8, 1)
    made = Proposal(
        each.number(), each.number(INSTANCE, 1), each.number(ROUND), each.number(HEIGHT, 1), each.fixed(),
        each.each(read_lock_proof, 1), each.fixed(), each.fixed(SIGNATURE),
    )  # fmt: skip
    require(made.block_hash != ZEROS, "a proposal names a block")
    for proof in made.proof:
        places = [(each.set_id, each.instance, each.height, each.block_hash) for each in (made, proof)]
        require(places[0] == places[1] and proof.round < made.round, "the proof is of an earlier round of this block")
    return made


FinalityMessage = Proposal | Vote | Certificate


def finality_message_in(raw: bytes) -> FinalityMessage:
    """What travels on the finality topic."""
    value = unpack(raw, MESSAGE_BYTES)
    readers = {1: read_proposal, 2: read_vote, 3: read_certificate}
    if not isinstance(value, list) or not value or value[0] not in readers or isinstance(value[0], bool):
        raise Refused("neither proposal nor vote nor certificate")
    found = readers[as_number(value[0])](value)
    if not isinstance(found, Proposal | Vote | Certificate):
        raise Refused("unreachable")
    return found


# --- evidence ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evidence(Struct):
    """Two statements of one kind: 1 headers, 2 votes, 3 proposals, 4 certificates."""

    kind: int
    first: Header | Vote | Proposal | Certificate
    second: Header | Vote | Proposal | Certificate


def evidence_in(raw: bytes, most: int = EVIDENCE_BYTES) -> Evidence:
    each = Fields(unpack(raw, most), 3)
    kind = each.number(4, 1)
    read = {1: read_header, 2: read_vote, 3: read_proposal, 4: read_certificate}[kind]
    first, second = each.one(read), each.one(read)
    if not isinstance(first, Header | Vote | Proposal | Certificate):
        raise Refused("unreachable")
    if not isinstance(second, Header | Vote | Proposal | Certificate):
        raise Refused("unreachable")
    return Evidence(kind, first, second)


# --- the state --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Proof(Struct):
    levels: bytes
    siblings: tuple[bytes, ...]
    other: tuple[bytes, ...]


def read_proof(value: Value) -> Proof:
    each = Fields(value, 3)
    proof = Proof(each.blob(LEVELS_BYTES), each.each(as_hash, SIBLINGS), each.each(as_hash, 2))
    require(len(proof.other) in (0, 2), "the other leaf is a path and a value hash")
    return proof


@dataclass(frozen=True)
class ProvenRow(Struct):
    path: bytes
    value: tuple[bytes, ...]
    proof: Proof


def read_proven_row(value: Value) -> ProvenRow:
    each = Fields(value, 3)
    return ProvenRow(each.fixed(), each.each(_read_state_value, 1), each.one(read_proof))


def _read_state_value(value: Value) -> bytes:
    found = as_bytes(value)
    require(len(found) <= VALUE_BYTES, "a value of the state has at most 64 KiB")
    return found


@dataclass(frozen=True)
class ProvenSet(Struct):
    value: bytes
    proof: Proof


def read_proven_set(value: Value) -> ProvenSet:
    each = Fields(value, 2)
    return ProvenSet(each.blob(VALUE_BYTES), each.one(read_proof))


@dataclass(frozen=True)
class LightStep(Struct):
    header: Header
    certificate: Certificate
    next_set: tuple[ProvenSet, ...]


def read_light_step(value: Value) -> LightStep:
    each = Fields(value, 3)
    return LightStep(each.one(read_header), each.one(read_certificate), each.each(read_proven_set, 1))


# --- snapshots --------------------------------------------------------------------------------------------------------

Pair = tuple[bytes, bytes]


@dataclass(frozen=True)
class Branches(Struct):
    roots: bytes
    rows: tuple[int, ...]
    singles: tuple[Pair, ...]

    def root(self, index: int) -> bytes:
        return self.roots[32 * index : 32 * index + 32]


def _read_single(value: Value) -> Pair:
    each = Fields(value, 2)
    return each.fixed(), each.fixed()


def _read_row(value: Value) -> Pair:
    each = Fields(value, 2)
    return each.fixed(), each.blob(VALUE_BYTES)


def read_branches(value: Value) -> Branches:
    each = Fields(value, 3)
    found = Branches(
        each.fixed(32 * BRANCHES),
        each.each(as_number, BRANCHES, BRANCHES),
        each.each(_read_single, BRANCHES),
    )
    require(all(count <= ROWS for count in found.rows), "more rows than a chunk can have")
    require(len(found.singles) == found.rows.count(1), "one single for each subtree of one row")
    return found


@dataclass(frozen=True)
class Manifest(Struct):
    genesis_hash: bytes
    header: Header
    certificate: Certificate
    branches: Branches


def read_manifest(value: Value) -> Manifest:
    each = Fields(value, 4)
    return Manifest(each.fixed(), each.one(read_header), each.one(read_certificate), each.one(read_branches))


@dataclass(frozen=True)
class Chunk(Struct):
    prefix: bytes
    rows: tuple[Pair, ...]
    branches: tuple[Branches, ...]


def read_chunk(value: Value) -> Chunk:
    each = Fields(value, 3)
    chunk = Chunk(each.blob(PREFIX_BYTES, 1), each.each(_read_row, U64), each.each(read_branches, 1))
    require(bool(chunk.rows) != bool(chunk.branches), "either rows or branches")
    return chunk
