"""Light steps, headers, proofs and chunks on the wire: bounded requests, answers that fit, proofs of one state."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from msgspec.structs import replace

from node.ledger import queries
from node.ledger.genesis import genesis_state
from node.ledger.pallets.accounts import ACCOUNT
from node.light.proofs import check_rows
from node.light.readings import BalanceOf, MetagraphOf
from node.light.steps import LightStep
from node.primitives.codec import encode
from node.primitives.errors import DecodeError
from node.primitives.limits import SYNC_RESPONSE_BYTES_MAX
from node.primitives.types import AccountId, Hash, Height, NetUid
from node.sync.limits import HEADERS_PER_REQUEST_MAX, PROOF_PATHS_MAX, REQUEST_BYTES_MAX, STEPS_PER_REQUEST_MAX
from node.sync.messages import (
    Answer,
    GetChunk,
    GetHeaders,
    GetManifest,
    GetProof,
    GetReading,
    GetSteps,
    Headers,
    Offer,
    Piece,
    Proofs,
    Request,
    Steps,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
    headers_in,
)
from node.sync.serve import answer
from node.sync.serve_proofs import CertifiedState, answer_proofs
from node.sync.snapshot import Chunk, Manifest
from tests.fuzz.samples import ALICE, CHUNKS, MANIFEST, SPEC, STEP
from tests.unit.sync.test_messages_and_serving import CHAIN, Store

HEADER, STATE, _ = genesis_state(SPEC)
H32 = Hash(b"h" * 32)


class Shelf:
    """A node at genesis with a few light steps and one chunk."""

    def __init__(self, steps: int = 3, header: bytes = encode(HEADER)) -> None:
        self.steps = [STEP] * steps
        self.raw_header = header

    def steps_above(self, height: Height, limit: int) -> Sequence[LightStep]:
        return self.steps[:limit]

    def header(self, height: Height) -> bytes | None:
        return self.raw_header if height < 700 else None

    @contextmanager
    def state(self) -> Iterator[CertifiedState]:
        yield CertifiedState(HEADER, None, STATE.view, STATE.tree)

    def manifest(self) -> Manifest | None:
        return MANIFEST

    def chunk(self, block_hash: Hash, prefix: bytes) -> Chunk | None:
        return CHUNKS[0] if (block_hash, prefix) == (MANIFEST.block_hash, b"\x01") else None


def asked(request: Request, shelf: Shelf | None = None) -> Answer:
    return decode_answer(answer(encode_request(request), Store(CHAIN, 8, (8,)), shelf or Shelf()))


def test_the_bytes_of_the_new_requests_are_pinned() -> None:
    assert encode_request(GetSteps(Height(360), 256)).hex() == "9306cd0168cd0100"
    assert encode_request(GetHeaders(Height(0), 1)).hex() == "93080001"
    assert encode_request(GetProof((H32,))).hex() == "920a91c420" + "68" * 32
    assert encode_request(GetReading(BalanceOf(AccountId(H32)))).hex() == "920b9201c420" + "68" * 32
    assert encode_request(GetManifest()).hex() == "910d"
    assert encode_request(GetChunk(H32, b"\x07")).hex() == "930fc420" + "68" * 32 + "c40107"


def test_the_largest_request_fits_its_frame() -> None:
    largest = encode_request(GetProof((H32,) * PROOF_PATHS_MAX))
    assert decode_request(largest)
    assert len(largest) <= REQUEST_BYTES_MAX


@pytest.mark.parametrize(
    "request_",
    [
        GetSteps(Height(0), 0),
        GetSteps(Height(0), STEPS_PER_REQUEST_MAX + 1),
        GetSteps(Height(-1), 1),
        GetSteps(Height(2**60), 1),
        GetHeaders(Height(0), HEADERS_PER_REQUEST_MAX + 1),
        GetHeaders(Height(-1), 1),
        GetProof(()),
        GetProof((H32,) * (PROOF_PATHS_MAX + 1)),
        GetProof((Hash(b"short"),)),
        GetReading(BalanceOf(AccountId(b"short"))),
        GetReading(MetagraphOf(NetUid(70_000))),
        GetChunk(Hash(b"short"), b"\x01"),
        GetChunk(H32, b""),
        GetChunk(H32, bytes(9)),
    ],
)
def test_requests_out_of_bounds_are_refused(request_: Request) -> None:
    with pytest.raises(DecodeError):
        decode_request(encode_request(request_))


def test_each_request_has_its_answer() -> None:
    assert asked(GetSteps(Height(0), 2)) == Steps((STEP, STEP))
    assert asked(GetManifest()) == Offer((MANIFEST,))
    assert asked(GetChunk(MANIFEST.block_hash, b"\x01")) == Piece((CHUNKS[0],))
    assert asked(GetChunk(H32, b"\x01")) == Piece(())
    headers = asked(GetHeaders(Height(698), 10))
    assert isinstance(headers, Headers)
    assert headers_in(headers) == (HEADER, HEADER)


def test_rows_asked_for_by_path_are_proven_once_each() -> None:
    path = ACCOUNT.path(ALICE.public)
    proofs = asked(GetProof((path, H32, path)))
    assert isinstance(proofs, Proofs)
    view = check_rows(proofs.header.state_root, proofs.rows)
    assert [row.path for row in proofs.rows] == [path, H32]
    assert (view.get(path), view.get(H32)) == (STATE.view.get(path), None)


def test_a_reading_is_answered_with_all_it_needs() -> None:
    proofs = asked(GetReading(MetagraphOf(NetUid(1))))
    assert isinstance(proofs, Proofs)
    view = check_rows(HEADER.state_root, proofs.rows)
    assert queries.metagraph(view, NetUid(1)) == queries.metagraph(STATE.view, NetUid(1))


def test_a_question_that_needs_too_many_rows_is_answered_with_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.light.proofs.PROOF_ROWS_MAX", 5)
    proofs = asked(GetReading(MetagraphOf(NetUid(1))))
    assert isinstance(proofs, Proofs)
    assert proofs.rows == ()


def test_answers_never_exceed_their_bound() -> None:
    fat = Shelf(header=bytes(60_000))
    heavy = replace(STEP, next_set=(replace(STEP.next_set[0], value=bytes(60_000)),))
    fat.steps = [heavy] * STEPS_PER_REQUEST_MAX
    for request in (GetHeaders(Height(1), HEADERS_PER_REQUEST_MAX), GetSteps(Height(0), STEPS_PER_REQUEST_MAX)):
        size = len(encode_answer(answer_proofs(request, fat)))
        assert SYNC_RESPONSE_BYTES_MAX // 2 < size <= SYNC_RESPONSE_BYTES_MAX


def test_a_node_without_proofs_says_so_with_an_empty_answer() -> None:
    store = Store(CHAIN, 8, (8,))
    for request, empty in (
        (GetSteps(Height(0), 1), Steps(())),
        (GetHeaders(Height(0), 1), Headers(())),
        (GetManifest(), Offer(())),
        (GetChunk(H32, b"\x01"), Piece(())),
    ):
        assert decode_answer(answer(encode_request(request), store)) == empty


@pytest.mark.parametrize(
    "reply",
    [
        Steps((STEP,) * (STEPS_PER_REQUEST_MAX + 1)),
        Headers((b"",) * (HEADERS_PER_REQUEST_MAX + 1)),
        Proofs(STEP.header, (), ()),
        Proofs(HEADER, (STEP.certificate,), ()),
        Proofs(STEP.header, (STEP.certificate,) * 2, ()),
        Offer((MANIFEST, MANIFEST)),
        Piece(CHUNKS),
    ],
    ids=lambda reply: type(reply).__name__,
)
def test_answers_out_of_bounds_are_refused(reply: Answer) -> None:
    with pytest.raises(DecodeError):
        decode_answer(encode_answer(reply))
