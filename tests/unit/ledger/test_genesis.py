"""Genesis: a file anyone can read, a state that follows from it, and clear words for every mistake in it."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest
from msgspec.structs import replace as with_

from node.ledger import invariants, queries
from node.ledger.errors import GenesisError
from node.ledger.genesis import (
    Balance,
    GenesisNeuron,
    GenesisSpec,
    GenesisStake,
    format_genesis,
    genesis_state,
    parse_genesis,
)
from node.ledger.header import set_hash
from node.ledger.merkle import root_hash
from node.primitives.address import to_ss58
from node.primitives.limits import GENESIS_BYTES_MAX
from node.primitives.types import MAX_SUPPLY_RAO, Alpha, NetUid, Rao
from tests.unit.ledger.world import ROOT, SUBNET, TAO, small_genesis, who

File = dict[str, object]


def _file() -> File:
    return cast(File, json.loads(format_genesis(small_genesis())))


def test_a_spec_survives_its_file() -> None:
    spec = small_genesis(root_rao=5 * TAO)
    data = format_genesis(spec)
    assert parse_genesis(data) == spec
    assert b"\n" in data
    assert to_ss58(who("alice")).encode() in data


def test_the_genesis_hash_covers_every_field() -> None:
    base = small_genesis()
    [subnet] = base.subnets
    variants = [
        base,
        replace(base, name="other"),
        replace(base, start_ms=1),
        replace(base, slot_ms=999),
        replace(base, epoch_slots=9),
        replace(base, authorities=base.authorities[:1]),
        replace(base, balances=base.balances[:-1]),
        replace(base, stakes=base.stakes[:-1]),
        replace(base, parameters=with_(base.parameters, base_fee_rao=1)),
        replace(base, subnets=(replace(subnet, name="other"),)),
        replace(base, subnets=(replace(subnet, started=False),)),
        replace(base, subnets=(replace(subnet, pool_alpha=Alpha(1)),)),
        replace(base, subnets=(replace(subnet, neurons=subnet.neurons[:1]),)),
        replace(base, subnets=(replace(subnet, hyperparameters=with_(subnet.hyperparameters, kappa_u16=1)),)),
    ]
    assert len({genesis_state(spec)[1].hash for spec in variants}) == len(variants)


def test_the_order_of_authorities_does_not_matter() -> None:
    spec = small_genesis()
    turned = replace(spec, authorities=spec.authorities[::-1])
    assert genesis_state(spec)[1].hash == genesis_state(turned)[1].hash


def test_genesis_holds_what_the_spec_says() -> None:
    header, state, rows = genesis_state(small_genesis(root_rao=5 * TAO))
    invariants.check(state.view)
    assert (header.height, header.slot, header.state_root) == (0, 0, root_hash(state.tree))
    assert list(rows) == sorted(rows)
    view = state.view
    assert queries.balance(view, who("alice")) == 10_000 * TAO
    assert queries.total_issuance(view) == 5 * 10_000 * TAO + 10_000 * TAO + 5 * TAO
    members = queries.authority_set(view)
    assert [member.account for member in members.members] == sorted([who("authority0"), who("authority1")])
    assert header.next_set_hash == members.hash == set_hash(members.members)
    info = queries.subnet(view, SUBNET)
    assert (info.price_rao, info.moving_price_rao, info.neurons, info.started) == (TAO, TAO, 3, True)
    rows_by_uid = queries.metagraph(view, SUBNET).rows
    assert [row.hotkey for row in rows_by_uid] == [who("owner-hot"), who("va"), who("vb")]
    assert all(row.validator_permit for row in rows_by_uid)
    assert rows_by_uid[1].root_stake_rao == 5 * TAO


def _set(path: str, value: object) -> Callable[[File], None]:
    def change(file: File) -> None:
        *parents, last = path.split(".")
        target = file
        for name in parents:
            target = target[int(name)] if isinstance(target, list) else target[name]  # type: ignore[assignment]
        target[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_set("start_ms", -1), "start_ms"),
        (_set("slot_ms", 1.5), "slot_ms"),
        (_set("name", 5), "name"),
        (_set("surprise", 1), "surprise"),
        (_set("balances.0.amount_rao", "7"), "balances"),
        (_set("balances.0.account", "5nonsense"), "balances[0].account"),
        (_set("authorities", ["x"]), "authorities[0]"),
        (_set("parameters.base_fee_rao", -1), "parameters.base_fee_rao"),
        (_set("parameters.base_fee_rao", True), "parameters.base_fee_rao"),
        (_set("parameters.nonsense", 1), "parameters.nonsense"),
        (_set("subnets.0.hyperparameters.tempo_blocks", 0), "subnets[0].hyperparameters.tempo_blocks"),
        (_set("subnets.0.hyperparameters.yuma3", 1), "subnets[0].hyperparameters.yuma3"),
        (_set("subnets.0.owner_hotkey", ""), "subnets[0].owner_hotkey"),
        (_set("subnets.0.neurons.0.hotkey", ""), "subnets[0].neurons[0].hotkey"),
        (_set("stakes.1.coldkey", ""), "stakes[1].coldkey"),
        (_set("stakes.1.netuid", -1), "netuid"),
    ],
)
def test_a_wrong_field_of_the_file_is_named(change: Callable[[File], None], named: str) -> None:
    file = _file()
    change(file)
    with pytest.raises(GenesisError) as caught:
        parse_genesis(json.dumps(file).encode())
    assert named in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b"nul", b'{"name":"x"}'])
def test_what_is_no_genesis_file_is_refused(data: bytes) -> None:
    with pytest.raises(GenesisError):
        parse_genesis(data)


def test_a_file_over_the_bound_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(GenesisError, match="bytes"):
        parse_genesis(b" " * (GENESIS_BYTES_MAX + 1))


def test_parameters_left_out_take_their_defaults() -> None:
    file = _file()
    file["parameters"] = {"base_fee_rao": 3}
    spec = parse_genesis(json.dumps(file).encode())
    assert (spec.parameters.base_fee_rao, spec.parameters.byte_fee_rao) == (3, 100)
    assert spec.parameters.stake_threshold_rao == 1000 * TAO


BASE = small_genesis()
NET = BASE.subnets[0]


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        (replace(BASE, name=""), "name"),
        (replace(BASE, name="x" * 65), "name"),
        (replace(BASE, start_ms=1 << 63), "start_ms"),
        (replace(BASE, slot_ms=0), "slot_ms"),
        (replace(BASE, epoch_slots=0), "epoch_slots"),
        (replace(BASE, authorities=()), "authorities"),
        (replace(BASE, authorities=BASE.authorities * 2), "authorities"),
        (replace(BASE, balances=BASE.balances * 2), "balances[5].account"),
        (replace(BASE, balances=(Balance(who("a"), Rao(0)),)), "balances[0].amount_rao"),
        (replace(BASE, balances=(Balance(who("a"), MAX_SUPPLY_RAO),)), "pool_tao_rao"),
        (replace(BASE, parameters=with_(BASE.parameters, take_max_u16=70_000)), "parameters"),
        (replace(BASE, parameters=with_(BASE.parameters, base_fee_rao=1 << 65)), "parameters"),
        (replace(BASE, subnets=(NET, NET)), "subnets"),
        (replace(BASE, subnets=(replace(NET, netuid=ROOT),)), "subnets[0].netuid"),
        (replace(BASE, subnets=(replace(NET, name="x" * 65),)), "subnets[0].name"),
        (replace(BASE, subnets=(replace(NET, pool_alpha=Alpha(0)),)), "subnets[0].pool_alpha"),
        (replace(BASE, subnets=(replace(NET, neurons=NET.neurons * 2),)), "subnets[0].neurons[2].hotkey"),
        (
            replace(BASE, subnets=(replace(NET, neurons=(GenesisNeuron(who("owner-hot"), who("owner")),)),)),
            "subnets[0].neurons[0].hotkey",
        ),
        (
            replace(BASE, subnets=(NET, replace(NET, netuid=NetUid(2), owner_coldkey=who("mallory")))),
            "coldkey",
        ),
        (
            replace(BASE, subnets=(replace(NET, hyperparameters=with_(NET.hyperparameters, max_uids=2)),)),
            "subnets[0].neurons",
        ),
        (replace(BASE, stakes=(GenesisStake(who("a"), who("b"), NetUid(7), Alpha(1)),)), "stakes[0].netuid"),
        (replace(BASE, stakes=(GenesisStake(who("a"), who("b"), SUBNET, Alpha(0)),)), "stakes[0].amount"),
        (
            replace(BASE, stakes=(GenesisStake(who("a"), who("b"), SUBNET, Alpha(MAX_SUPPLY_RAO)),)),
            "stakes[0].amount",
        ),
    ],
)
def test_a_spec_that_describes_no_network_is_refused_with_the_field_named(spec: GenesisSpec, named: str) -> None:
    with pytest.raises(GenesisError) as caught:
        genesis_state(spec)
    assert str(caught.value).startswith(named) or named in str(caught.value)


def test_two_subnets_may_share_an_owner_and_a_validator() -> None:
    second = replace(NET, netuid=NetUid(2), name="second")
    _, state, _ = genesis_state(replace(BASE, subnets=(second, NET)))
    invariants.check(state.view)
    assert [info.netuid for info in queries.subnets(state.view)] == [1, 2]
