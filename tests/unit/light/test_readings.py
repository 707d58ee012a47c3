"""A proven answer says what the full node's own query says, and whatever is bent or left out is refused."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from node.ledger import merkle, queries
from node.ledger.errors import SubnetNotExists
from node.ledger.genesis import genesis_state
from node.ledger.pallets.accounts import ACCOUNT
from node.ledger.state import StateView
from node.light.errors import BadProof
from node.light.limits import PROOF_ROWS_MAX
from node.light.proofs import ProvenRow, ProvenView, RecordingView, check_row_shape, check_rows, prove_rows
from node.light.readings import (
    AuthoritiesOf,
    BalanceOf,
    MetagraphOf,
    NeuronOf,
    Reading,
    StakesOf,
    SubnetOf,
    check_reading,
    touch,
)
from node.primitives.errors import DecodeError
from node.primitives.types import AccountId, Hash, NetUid, Uid
from tests.fuzz.samples import ALICE, CAROL, SPEC

HEADER, STATE, ROWS = genesis_state(SPEC)
ONE = NetUid(1)
NOBODY = AccountId(b"n" * 32)

ASKED: list[tuple[Reading, Callable[[StateView], object]]] = [
    (BalanceOf(ALICE.public), lambda view: queries.balance(view, ALICE.public)),
    (BalanceOf(NOBODY), lambda view: (queries.balance(view, NOBODY), queries.nonce(view, NOBODY))),
    (StakesOf(ALICE.public), lambda view: queries.stakes_of(view, ALICE.public)),
    (StakesOf(NOBODY), lambda view: queries.stakes_of(view, NOBODY)),
    (SubnetOf(ONE), lambda view: queries.subnet(view, ONE)),
    (NeuronOf(ONE, Uid(0)), lambda view: queries.neuron(view, ONE, Uid(0))),
    (NeuronOf(ONE, Uid(200)), lambda view: queries.neuron(view, ONE, Uid(200))),
    (MetagraphOf(ONE), lambda view: queries.metagraph(view, ONE)),
    (AuthoritiesOf(), queries.authority_set),
]


def proven(reading: Reading) -> tuple[ProvenRow, ...]:
    view = RecordingView(STATE.view)
    touch(reading, view)
    return view.proven(STATE.tree)


@pytest.mark.parametrize(("reading", "query"), ASKED, ids=[repr(reading)[:40] for reading, _ in ASKED])
def test_a_proven_answer_is_the_full_node_s_own(reading: Reading, query: Callable[[StateView], object]) -> None:
    rows = proven(reading)
    assert query(check_rows(HEADER.state_root, rows)) == query(STATE.view)
    assert queries.chain_info(check_rows(HEADER.state_root, rows)).start_ms == SPEC.start_ms
    assert len({row.path for row in rows}) == len(rows)


@pytest.mark.parametrize(("reading", "query"), ASKED, ids=[repr(reading)[:40] for reading, _ in ASKED])
def test_every_row_of_an_answer_is_needed_and_none_can_be_left_out(
    reading: Reading, query: Callable[[StateView], object]
) -> None:
    rows = proven(reading)

    def answers(kept: tuple[ProvenRow, ...]) -> None:
        view = check_rows(HEADER.state_root, kept)
        query(view)
        queries.nonce(view, ALICE.public) if reading == BalanceOf(ALICE.public) else None
        queries.chain_info(view)

    answers(rows)
    for index in range(len(rows)):
        with pytest.raises(BadProof):
            answers(rows[:index] + rows[index + 1 :])


def test_that_a_subnet_does_not_exist_is_proven_too() -> None:
    view = check_rows(HEADER.state_root, proven(SubnetOf(NetUid(77))))
    with pytest.raises(SubnetNotExists):
        queries.subnet(view, NetUid(77))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_row_can_say_anything_else(data: st.DataObject) -> None:
    rows = list(proven(StakesOf(ALICE.public)))
    index = data.draw(st.integers(0, len(rows) - 1))
    row = rows[index]
    other = data.draw(
        st.one_of(
            st.binary(max_size=40).map(lambda value: replace(row, value=(value,))),
            st.just(replace(row, value=() if row.value else (b"",))),
            st.sampled_from(rows).map(lambda each: replace(row, value=each.value)),
            st.sampled_from(rows).map(lambda each: replace(row, proof=each.proof)),
            st.sampled_from(rows).map(lambda each: replace(row, path=each.path)),
            st.just(replace(row, proof=replace(row.proof, siblings=row.proof.siblings[:-1]))),
        )
    )
    rows[index] = other
    if other == row:
        check_rows(HEADER.state_root, rows)
    elif other not in proven(StakesOf(ALICE.public)):
        with pytest.raises(BadProof):
            check_rows(HEADER.state_root, rows)


def test_a_proof_of_another_state_is_refused() -> None:
    rows = prove_rows(STATE.view, STATE.tree, [ACCOUNT.path(CAROL.public)])
    changed = merkle.update(STATE.tree, {ACCOUNT.path(ALICE.public): b"x"})
    with pytest.raises(BadProof):
        check_rows(merkle.root_hash(changed), rows)


def test_the_number_of_rows_is_bounded() -> None:
    view = RecordingView(STATE.view)
    for number in range(PROOF_ROWS_MAX):
        view.get(Hash(number.to_bytes(32, "big")))
    view.get(Hash(bytes(32)))
    with pytest.raises(BadProof):
        view.get(Hash(b"x" * 32))


def test_an_unproven_row_is_never_taken_for_an_absent_one() -> None:
    with pytest.raises(BadProof):
        ProvenView(()).get(Hash(bytes(32)))


@pytest.mark.parametrize(
    "reading",
    [
        BalanceOf(AccountId(b"short")),
        StakesOf(AccountId(b"")),
        SubnetOf(NetUid(-1)),
        MetagraphOf(NetUid(70_000)),
        NeuronOf(ONE, Uid(256)),
        NeuronOf(ONE, Uid(-1)),
    ],
)
def test_a_malformed_reading_is_refused(reading: Reading) -> None:
    with pytest.raises(DecodeError):
        check_reading(reading)


@pytest.mark.parametrize(
    "change", [{"path": b"short"}, {"value": (b"a", b"b")}, {"value": (bytes(70_000),)}], ids=["path", "two", "huge"]
)
def test_a_malformed_row_is_refused(change: dict[str, object]) -> None:
    (row,) = prove_rows(STATE.view, STATE.tree, [ACCOUNT.path(CAROL.public)])
    with pytest.raises(DecodeError):
        check_row_shape(replace(row, **change))
