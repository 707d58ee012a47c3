"""Sync answers are bounded, linked, and end at a certificate where there is one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from node.consensus.certificate import Certificate
from node.ledger.header import Block, header_hash
from node.primitives.codec import encode
from node.primitives.errors import DecodeError, NodeError
from node.primitives.limits import SYNC_RESPONSE_BYTES_MAX
from node.primitives.types import Hash, Height, SetId
from node.sync.messages import (
    Answer,
    Blocks,
    GetBlocks,
    GetBranch,
    GetStatus,
    Request,
    Status,
    blocks_in,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
)
from node.sync.serve import answer, answer_to
from tests.unit.consensus.helpers import GENESIS_HASH, certificate
from tests.unit.consensus.test_engine import chain, ref


class Store:
    """A node's chain in lists: `final` finalised blocks, the rest not; certificates at `certified` heights.

    Those from height `second_set_from` on are of another set.
    """

    def __init__(
        self, blocks: list[Block], final: int, certified: tuple[int, ...], *, second_set_from: int = 1 << 30
    ) -> None:
        self.blocks = blocks
        self.second_set_from = second_set_from
        self.final = final
        self.certified = certified

    def status(self) -> Status:
        tip = self.blocks[self.final - 1]
        return Status(
            GENESIS_HASH, Height(self.final), ref(tip).hash, Height(len(self.blocks)), ref(self.blocks[-1]).hash,
            (certificate(ref(tip)),),
        )  # fmt: skip

    def finalised_block(self, height: Height) -> bytes | None:
        return encode(self.blocks[height - 1]) if 0 < height <= self.final else None

    def certificate(self, height: Height) -> Certificate | None:
        made = certificate(ref(self.blocks[height - 1])) if height in self.certified else None
        return made if made is None or height < self.second_set_from else replace(made, set_id=SetId(made.set_id + 1))

    def unfinalised_block(self, block_hash: Hash) -> tuple[Hash, bytes] | None:
        for block in self.blocks[self.final :]:
            if header_hash(block.header) == block_hash:
                return block.header.parent, encode(block)
        return None


CHAIN = chain(12)


def test_the_bytes_of_requests_are_pinned() -> None:
    assert encode_request(GetStatus()).hex() == "9101"
    assert encode_request(GetBlocks(Height(300), 128)).hex() == "9302cd012ccc80"
    assert encode_request(GetBranch(Hash(bytes([9]) * 32), 1)).hex() == "9303c420" + "09" * 32 + "01"


@pytest.mark.parametrize("request_", [GetStatus(), GetBlocks(Height(1), 128), GetBranch(Hash(b"t" * 32), 5)])
def test_requests_survive_the_wire(request_: Request) -> None:
    assert decode_request(encode_request(request_)) == request_


@pytest.mark.parametrize(
    "request_",
    [
        GetBlocks(Height(0), 1),
        GetBlocks(Height(-1), 1),
        GetBlocks(Height(1), 0),
        GetBlocks(Height(1), 129),
        GetBlocks(Height(2**60), 1),
        GetBranch(Hash(b"short"), 1),
        GetBranch(Hash(bytes(32)), 129),
    ],
)
def test_requests_out_of_bounds_are_refused(request_: Request) -> None:
    with pytest.raises(DecodeError):
        decode_request(encode_request(request_))


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_garbage_is_refused_with_a_node_error(data: bytes) -> None:
    for decode in (decode_request, decode_answer):
        with pytest.raises(NodeError):
            decode(data)


def test_a_status_must_be_consistent() -> None:
    good = Store(CHAIN, 8, (8,)).status()
    assert decode_answer(encode_answer(good)) == good
    for bad in (
        replace(good, certificate=()),
        replace(good, finalised_height=Height(7)),
        replace(good, head_height=Height(3)),
        replace(good, head_hash=Hash(b"short")),
        replace(good, certificate=good.certificate * 2),
    ):
        with pytest.raises(DecodeError):
            decode_answer(encode_answer(bad))


def asked(request: Request, store: Store) -> Answer:
    return decode_answer(answer(encode_request(request), store))


def test_finalised_blocks_end_at_the_last_certificate_in_reach() -> None:
    store = Store(CHAIN, 10, (4, 7, 10))
    reply = asked(GetBlocks(Height(2), 7), store)
    assert isinstance(reply, Blocks)
    assert blocks_in(reply) == tuple(CHAIN[1:7])
    assert reply.certificate == (certificate(ref(CHAIN[6])),)
    assert asked(GetBlocks(Height(11), 5), store) == Blocks((), ())


def test_a_stretch_ends_where_another_set_begins_to_certify() -> None:
    """Who asks knows the set that made the first certificate; a later one it could not check."""
    reply = asked(GetBlocks(Height(2), 10), Store(CHAIN, 12, (4, 6, 9, 11), second_set_from=7))
    assert isinstance(reply, Blocks)
    assert blocks_in(reply) == tuple(CHAIN[1:6])
    assert reply.certificate == (certificate(ref(CHAIN[5])),)


def test_a_stretch_without_certificate_in_reach_is_sent_uncertified() -> None:
    reply = asked(GetBlocks(Height(1), 5), Store(CHAIN, 10, (10,)))
    assert isinstance(reply, Blocks)
    assert (len(reply.blocks), reply.certificate) == (5, ())


def test_a_branch_ends_at_its_tip_and_stops_at_the_finalised_block() -> None:
    store = Store(CHAIN, 8, (8,))
    tip = header_hash(CHAIN[11].header)
    reply = asked(GetBranch(tip, 128), store)
    assert isinstance(reply, Blocks)
    assert blocks_in(reply) == tuple(CHAIN[8:])
    newest = asked(GetBranch(tip, 2), store)
    assert isinstance(newest, Blocks)
    assert blocks_in(newest) == tuple(CHAIN[10:])
    assert asked(GetBranch(Hash(b"?" * 32), 2), store) == Blocks((), ())


def test_an_answer_never_exceeds_its_bound() -> None:
    class Fat(Store):
        def finalised_block(self, height: Height) -> bytes | None:
            return bytes(900_000)

    reply = encode_answer(answer_to(GetBlocks(Height(1), 128), Fat(CHAIN, 10, (4,))))
    assert SYNC_RESPONSE_BYTES_MAX // 2 < len(reply) <= SYNC_RESPONSE_BYTES_MAX


def test_malformed_blocks_in_an_answer_are_refused() -> None:
    with pytest.raises(NodeError):
        blocks_in(Blocks((b"no block",), ()))
