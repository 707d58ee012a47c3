"""What the chain took of a validator's weights, read from stored blocks: only what succeeded, only its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.ledger.calls import Call, CommitWeights, RevealWeights, SetWeights
from node.ledger.commit_hash import commit_hash
from node.ledger.events import Event, WeightsCommitted, WeightsRevealed, WeightsSet
from node.ledger.transaction import sign_transaction
from node.market.audit_facts import WeightsAt
from node.market.weights import WeightVector
from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.primitives.types import Hash, Height, NetUid, Uid
from node.service.audits import weights_in
from storage import BlockRow, ChainStore, Commit
from tests.unit.market.support import signer_of

HERE, ELSEWHERE = NetUid(1), NetUid(2)
ME, OTHER = signer_of("me"), signer_of("other")
UID = Uid(3)
SEATS, VALUES, SALT = (Uid(0), Uid(1)), (65_535, 7), (1, 2, 3)
NAMED = commit_hash(ME.public, HERE, SEATS, VALUES, SALT, 4)


def raw(call: Call, number: int, *, by: object = ME) -> bytes:
    return sign_transaction(
        by, call, nonce=number, birth_height=Height(0), birth_hash=Hash(bytes(32)), genesis_hash=Hash(bytes(32))  # type: ignore[arg-type]
    )  # fmt: skip


def set_to(netuid: NetUid, values: tuple[int, int]) -> SetWeights:
    return SetWeights(netuid, SEATS, values, 4)


BLOCKS: tuple[tuple[tuple[bytes, ...], tuple[Event, ...]], ...] = (
    ((), ()),
    ((raw(set_to(HERE, VALUES), 1),), (WeightsSet(HERE, UID),)),
    ((raw(set_to(HERE, (1, 1)), 2),), ()),  # refused: no event
    ((raw(set_to(ELSEWHERE, (2, 2)), 3),), (WeightsSet(ELSEWHERE, UID),)),
    ((raw(set_to(HERE, (3, 3)), 4, by=OTHER),), (WeightsSet(HERE, Uid(9)),)),
    ((raw(CommitWeights(HERE, NAMED), 5),), (WeightsCommitted(ME.public, HERE, NAMED),)),
    ((raw(RevealWeights(HERE, SEATS, VALUES, SALT, 4), 6),), (WeightsRevealed(ME.public, HERE, NAMED),)),
    ((raw(RevealWeights(HERE, SEATS, (9, 9), SALT, 4), 7),), ()),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChainStore]:
    with ChainStore.open(tmp_path / "chain.sqlite") as opened:
        parent = bytes(32)
        for height, (body, events) in enumerate(BLOCKS):
            name = digest("test-block", height.to_bytes(8, "big"))
            block = BlockRow(name, parent, height, height, b"header", encode(body))
            told = tuple((height, position, encode(event)) for position, event in enumerate(events))
            opened.commit(Commit(blocks=(block,), finalised=((height, name),), events=told))
            parent = name
        yield opened


def test_only_own_weights_that_succeeded_are_taken(store: ChainStore) -> None:
    taken, commits, whole = weights_in(store, HERE, ME.public, UID, 1, 100)
    vector = WeightVector(SEATS, VALUES)
    assert taken == (WeightsAt(Height(1), vector, 4), WeightsAt(Height(6), vector, 4, NAMED))
    assert commits == {NAMED: Height(5)}
    assert whole


def test_only_the_blocks_asked_for_are_read(store: ChainStore) -> None:
    taken, commits, _ = weights_in(store, HERE, ME.public, UID, 2, 6)
    assert taken == ()
    assert commits == {NAMED: Height(5)}
