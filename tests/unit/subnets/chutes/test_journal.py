"""The journal's reducer: who may say what, how much, and that saying it again changes nothing."""

import itertools
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.market.journal_state import reduce_entries
from node.primitives.codec import encode
from node.primitives.types import AccountId, Height, NetUid
from node.subnets.base import Code, Entry, Message, Refusal, View
from node.subnets.chutes.bundle import Chute, canonical, chute_id
from node.subnets.chutes.catalogue import Catalogue, demand_of, warm_chutes, warm_miners
from node.subnets.chutes.journal import (
    DEMAND,
    DEPLOY,
    LOAD,
    PRICE,
    RETIRE,
    UNLOAD,
    Calls,
    Demand,
    Deploy,
    Load,
    Retire,
    SetPrice,
    Unload,
    apply_entry,
)
from node.subnets.chutes.limits import CHUTES_PER_OWNER_MAX, DAY_BLOCKS, WARM_BLOCKS_MAX, WARM_PER_MINER_MAX
from node.subnets.lab.hosts import key_of, view_of
from tests.unit.subnets.chutes.support import bundle

OWNER, OTHER, VALIDATOR = (key_of(name).public for name in ("owner", "other", "validator"))
CHUTE = bundle(b"model", OWNER)
ID = chute_id(CHUTE)


def entry(kind: str, body: Message, *, author: AccountId = OWNER, height: int = 10, sequence: int = 0) -> Entry:
    return Entry(author, sequence, Height(height), kind, encode(body))


def deploy(chute: Chute = CHUTE, **where: int) -> Entry:
    return entry(DEPLOY, Deploy(canonical(chute)), **where)  # type: ignore[arg-type]


def reduced(*entries: Entry) -> tuple[dict[bytes, bytes], list[Refusal]]:
    """The state after entries of any authors, each author's in order."""
    state: dict[bytes, bytes] = {}
    refused = []
    for author in dict.fromkeys(each.author for each in entries):
        rows, refusals = reduce_entries(apply_entry, [each for each in entries if each.author == author])
        state.update(rows)
        refused += refusals
    return state, refused


def view(state: dict[bytes, bytes], height: int = 20) -> View:
    seen = view_of(NetUid(64), height, VALIDATOR, (OWNER, OTHER))
    return View(seen.netuid, seen.height, seen.block_hash, seen.neurons, state)


def test_a_deployed_chute_is_in_the_catalogue_by_id_and_name() -> None:
    state, refused = reduced(deploy())
    listed = Catalogue().named(view(state), "small")
    assert refused == []
    assert listed is not None
    assert (listed.id, listed.owner, listed.deployed, listed.price_rao) == (ID, OWNER, 10, 0)
    assert Catalogue().named(view(state), ID.hex()) == listed
    assert Catalogue().find(view(state), bytes(32)) is None


def test_a_chute_lives_while_its_owner_has_a_seat() -> None:
    state, _ = reduced(deploy())
    without = view_of(NetUid(64), 20, VALIDATOR, (OTHER,))
    assert Catalogue().all(View(without.netuid, without.height, without.block_hash, without.neurons, state)) == ()


REFUSED: list[tuple[str, Sequence[Entry], Code]] = [
    ("somebody else's chute", [entry(DEPLOY, Deploy(canonical(CHUTE)), author=OTHER)], Code.FORGED),
    ("no chute at all", [entry(DEPLOY, Deploy(b"{}"))], Code.MALFORMED),
    ("not canonical", [entry(DEPLOY, Deploy(msgspec.json.format(canonical(CHUTE))))], Code.MALFORMED),
    ("an empty deploy", [entry(DEPLOY, Deploy(b""))], Code.MALFORMED),
    ("another body", [Entry(OWNER, 0, Height(1), DEPLOY, b"\xc1")], Code.MALFORMED),
    ("an unknown kind", [entry("vote", Retire(ID))], Code.REFUSED),
    ("too large", [Entry(OWNER, 0, Height(1), DEPLOY, bytes(13_000))], Code.TOO_LARGE),
    ("a price for nothing", [entry(PRICE, SetPrice(ID, 1))], Code.REFUSED),
    ("somebody else's price", [deploy(), entry(PRICE, SetPrice(ID, 1), author=OTHER)], Code.REFUSED),
    ("a price beyond all bounds", [deploy(), entry(PRICE, SetPrice(ID, 10**16))], Code.MALFORMED),
    ("somebody else's withdrawal", [deploy(), entry(RETIRE, Retire(ID), author=OTHER)], Code.REFUSED),
    ("a second withdrawal", [deploy(), *[entry(RETIRE, Retire(ID))] * 2], Code.ELIMINATED),
    ("a comeback", [deploy(), entry(RETIRE, Retire(ID)), deploy()], Code.ELIMINATED),
    ("warm since for ever", [entry(LOAD, Load(ID, Height(11 + WARM_BLOCKS_MAX)))], Code.MALFORMED),
    ("warm until yesterday", [entry(LOAD, Load(ID, Height(10)))], Code.MALFORMED),
    ("an instance that never was", [entry(UNLOAD, Unload(ID))], Code.NO_DATA),
    ("a short id", [entry(LOAD, Load(b"id", Height(12)))], Code.MALFORMED),
    ("demand out of order", [entry(DEMAND, Demand((Calls(b"b" * 32, 1), Calls(b"a" * 32, 1))))], Code.MALFORMED),
    ("demand for nothing", [entry(DEMAND, Demand((Calls(b"b" * 32, 0),)))], Code.MALFORMED),
]


@pytest.mark.parametrize(("name", "entries", "code"), REFUSED, ids=[name for name, _, _ in REFUSED])
def test_what_nobody_may_say_has_no_effect(name: str, entries: Sequence[Entry], code: Code) -> None:
    before, _ = reduced(*entries[:-1])
    after, refused = reduced(*entries)
    assert [each.code for each in refused] == [code]
    assert after == before


def test_saying_it_again_changes_nothing() -> None:
    once, _ = reduced(deploy(), entry(PRICE, SetPrice(ID, 7)))
    again, refused = reduced(deploy(), entry(PRICE, SetPrice(ID, 7)), deploy(height=900))
    assert refused == []
    assert again == once


def test_prices_and_withdrawals_count_at_once() -> None:
    state, _ = reduced(deploy(), entry(PRICE, SetPrice(ID, 7)))
    listed = Catalogue().find(view(state), ID)
    assert listed is not None
    assert listed.price_rao == 7
    state, _ = reduced(deploy(), entry(RETIRE, Retire(ID)))
    assert Catalogue().find(view(state), ID) is None
    assert Catalogue().is_retired(view(state), ID)


def test_an_owner_has_a_bounded_number_of_chutes() -> None:
    many = [deploy(bundle(b"model", OWNER, version=n + 1)) for n in range(CHUTES_PER_OWNER_MAX + 1)]
    _, refused = reduced(*many)
    assert [each.code for each in refused] == [Code.RATE_LIMITED]
    gone = entry(RETIRE, Retire(chute_id(bundle(b"model", OWNER, version=1))))
    _, refused = reduced(*many[:-1], gone, many[-1])
    assert refused == []


def test_instances_run_out_and_make_room() -> None:
    ids = [n.to_bytes(32, "big") for n in range(WARM_PER_MINER_MAX + 1)]
    loads = [entry(LOAD, Load(each, Height(20)), height=10) for each in ids]
    _, refused = reduced(*loads)
    assert [each.code for each in refused] == [Code.RATE_LIMITED]
    state, refused = reduced(*loads[:-1], entry(LOAD, Load(ids[-1], Height(40)), height=21))
    assert refused == []
    assert warm_chutes(view(state, 21), OWNER) == (ids[-1],)
    assert len(state) == 1


def test_an_instance_is_warm_since_it_was_first_claimed() -> None:
    state, _ = reduced(
        entry(LOAD, Load(ID, Height(30)), height=10), entry(LOAD, Load(ID, Height(60)), height=25),
        entry(LOAD, Load(ID, Height(60)), author=OTHER, height=25),
    )  # fmt: skip
    assert set(warm_miners(view(state, 50), ID)) == {OWNER, OTHER}
    assert warm_miners(view(state, 50), ID, since=24) == (OWNER,)
    assert warm_miners(view(state, 61), ID) == ()


def test_demand_is_what_validators_say_each_with_one_voice() -> None:
    a, b = b"a" * 32, b"b" * 32
    state, _ = reduced(
        entry(DEMAND, Demand((Calls(a, 1), Calls(b, 3))), author=VALIDATOR),
        entry(DEMAND, Demand((Calls(b, 10**9),)), author=OTHER),  # holds no permit
    )
    assert demand_of(view(state)) == {a: 0.25, b: 0.75}
    assert demand_of(view(state, 11 + DAY_BLOCKS)) == {}


BODIES = st.sampled_from(
    [
        (DEPLOY, encode(Deploy(canonical(CHUTE)))), (PRICE, encode(SetPrice(ID, 5))), (RETIRE, encode(Retire(ID))),
        (LOAD, encode(Load(ID, Height(100)))), (UNLOAD, encode(Unload(ID))), (DEMAND, encode(Demand(()))),
    ]
)  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from([OWNER, OTHER]), st.one_of(BODIES, st.tuples(st.text(), st.binary())))))
def test_the_order_among_authors_makes_no_difference(said: list[tuple[AccountId, tuple[str, bytes]]]) -> None:
    entries = [Entry(author, n, Height(50), kind, body) for n, (author, (kind, body)) in enumerate(said)]
    together: dict[bytes, bytes] = {}
    for each in entries:
        apply_entry(each, together)
    assert together == reduced(*entries)[0]
    assert all(key[:32] in (OWNER, OTHER) for key in together)


def test_every_pair_of_deploys_has_rows_of_its_own() -> None:
    chutes = [bundle(b"model", owner, version=n) for owner, n in itertools.product((OWNER, OTHER), (1, 2))]
    state, refused = reduced(*[entry(DEPLOY, Deploy(canonical(c)), author=o) for c, (o, _) in
                               zip(chutes, itertools.product((OWNER, OTHER), (1, 2)), strict=True)])  # fmt: skip
    assert refused == []
    assert {each.id for each in Catalogue().all(view(state))} == {chute_id(each) for each in chutes}
