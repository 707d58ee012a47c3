"""Numbers that change: who may set which, within which range, how often and when."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as with_

from node.ledger import queries
from node.ledger.calls import (
    CALLS,
    AddStake,
    BurnedRegister,
    Call,
    SetAlphaValues,
    SetHyperparameter,
    SetParameter,
    SetSubnetOwnerHotkey,
    SetWeights,
    Transfer,
    TrimToMaxAllowedUids,
)
from node.ledger.events import HyperparameterSet, ParameterSet, UidsTrimmed
from node.ledger.genesis import GenesisNeuron, GenesisSpec
from node.ledger.origin import Origin
from node.ledger.pallets import neurons, scores, subnets, system, weights
from node.ledger.parameter_rules import RULES, UNSETTABLE, Setter
from node.ledger.parameters import Hyperparameters, Parameters
from node.primitives.types import NetUid, Rao, Uid
from tests.unit.ledger.root import Scratch
from tests.unit.ledger.world import ROOT, SUBNET, TAO, World, hyper, small_genesis, who

TEMPO = 10


def tunable(**changes: int | bool) -> GenesisSpec:
    """A subnet whose owner may change things outside of the last two blocks of each tempo."""
    spec = small_genesis(subnet=hyper(min_allowed_uids=4, **changes))
    return replace(spec, parameters=with_(spec.parameters, admin_freeze_blocks=2, trim_rate_limit_blocks=25))


def numbers(scratch: Scratch) -> Hyperparameters:
    return subnets.HYPERPARAMETERS.get(scratch.state, SUBNET)


def at(height: int) -> Scratch:
    """The genesis state as a block of that height would see it."""
    return Scratch(World(tunable()), height=height)


# --- hyperparameters --------------------------------------------------------------------------------------------------


def test_every_hyperparameter_has_a_rule_or_a_reason_not_to() -> None:
    assert set(Hyperparameters.__struct_fields__) == set(RULES) | UNSETTABLE
    assert not set(RULES) & UNSETTABLE


ROOT_ONLY = sorted(name for name, rule in RULES.items() if rule.setter is Setter.ROOT)


def test_root_keeps_what_the_field_keeps_for_root() -> None:
    assert ROOT_ONLY == [
        "emission_enabled", "kappa_u16", "max_validators", "min_allowed_uids", "price_halving_blocks",
        "registration_allowed", "tempo_blocks", "weights_rate_limit_blocks",
    ]  # fmt: skip


@pytest.mark.parametrize("name", sorted(RULES))
def test_each_is_set_by_those_who_may_and_by_nobody_else(name: str) -> None:
    scratch = at(1)
    value = int(getattr(numbers(scratch), name))
    call = SetHyperparameter(SUBNET, name.encode(), value)
    owner = RULES[name].setter is Setter.OWNER
    if name == "activity_cutoff_blocks":
        call = with_(call, value=360)
    assert scratch.do("alice", call) == ("NotSubnetOwner" if owner else "BadOrigin")
    assert scratch.decide(call) == ""
    assert scratch.do("owner", call) == ("" if owner else "BadOrigin")
    assert HyperparameterSet(SUBNET, name.encode(), call.value) in scratch.events


@pytest.mark.parametrize(
    ("name", "good", "bad", "code"),
    [
        ("immunity_blocks", (0, 65_535), (65_536,), "InvalidValue"),
        ("min_allowed_weights", (0, 65_535), (65_536,), "InvalidValue"),
        ("max_uids", (4, 256), (3, 257), "InvalidValue"),
        ("activity_cutoff_blocks", (360, 2**63 - 1), (0, 359), "ActivityCutoffTooLow"),
        ("weights_version_key", (0, 2**63 - 1), (), ""),
        ("bonds_moving_average_ppm", (0, 975_000), (975_001, 1_000_001), "InvalidValue"),
        ("bonds_penalty_u16", (0, 65_535), (65_536,), "InvalidValue"),
        ("yuma3", (0, 1), (2,), "InvalidValue"),
        ("alpha_sigmoid_steepness", (0, 32_767), (32_768,), "InvalidValue"),
        ("burn_min_rao", (0, TAO - 1), (TAO,), "InvalidValue"),
        ("burn_max_rao", (TAO // 10 + 1, 21_000_000 * TAO), (TAO // 10, 21_000_000 * TAO + 1), "InvalidValue"),
        ("burn_half_life_blocks", (1, 36_100), (0, 36_101), "InvalidValue"),
        ("burn_increase_q60", (1 << 60, 3 << 60), ((1 << 60) - 1, (3 << 60) + 1), "InvalidValue"),
        ("immune_owner_uids", (1, 10), (0, 11), "InvalidValue"),
        ("recycle_withheld", (0, 1), (2,), "InvalidValue"),
        ("transfers_enabled", (0, 1), (2,), "InvalidValue"),
        ("reveal_period_epochs", (1, 100), (0, 101), "InvalidValue"),
        ("childkey_take_min_u16", (0, 11_796), (11_797,), "InvalidValue"),
    ],
)  # fmt: skip
def test_an_owners_range_is_kept_at_both_ends(
    name: str, good: tuple[int, ...], bad: tuple[int, ...], code: str
) -> None:
    for value in good:
        scratch = at(1)
        assert scratch.do("owner", SetHyperparameter(SUBNET, name.encode(), value)) == "", value
        assert int(getattr(numbers(scratch), name)) == value
    for value in bad:
        scratch = at(1)
        before = numbers(scratch)
        assert scratch.do("owner", SetHyperparameter(SUBNET, name.encode(), value)) == code, value
        assert numbers(scratch) == before


@pytest.mark.parametrize(
    ("name", "good", "bad", "code"),
    [
        ("tempo_blocks", (1, 50_400), (0, 50_401), "TempoOutOfBounds"),
        ("max_validators", (1, 64), (0, 65), "InvalidValue"),
        ("min_allowed_uids", (1, 256), (0, 257), "InvalidValue"),
        ("kappa_u16", (0, 65_535), (65_536,), "InvalidValue"),
        ("registration_allowed", (0, 1), (2,), "InvalidValue"),
        ("emission_enabled", (0, 1), (2,), "InvalidValue"),
        ("bonds_moving_average_ppm", (975_001, 1_000_000), (1_000_001,), "InvalidValue"),
        ("burn_start_rao", (), (1,), "UnknownParameter"),
        ("alpha_low_u16", (), (2000,), "UnknownParameter"),
        ("nonsense", (), (1,), "UnknownParameter"),
    ],
)  # fmt: skip
def test_a_proposals_range_is_kept_at_both_ends(
    name: str, good: tuple[int, ...], bad: tuple[int, ...], code: str
) -> None:
    scratch = at(1)
    for value in good:
        assert scratch.decide(SetHyperparameter(SUBNET, name.encode(), value)) == "", value
    for value in bad:
        assert scratch.decide(SetHyperparameter(SUBNET, name.encode(), value)) == code, value


def test_a_name_that_is_no_text_is_the_name_of_nothing() -> None:
    assert at(1).do("owner", SetHyperparameter(SUBNET, b"\xff\x00", 1)) == "UnknownParameter"


def test_burn_prices_stay_in_order() -> None:
    scratch = at(1)
    assert scratch.do("owner", SetHyperparameter(SUBNET, b"burn_max_rao", TAO // 2)) == ""
    assert scratch.do("owner", SetHyperparameter(SUBNET, b"burn_min_rao", TAO // 2)) == "InvalidValue"
    assert scratch.do("owner", SetHyperparameter(SUBNET, b"burn_min_rao", TAO // 2 - 1)) == ""


def test_seats_that_are_taken_cannot_be_shut() -> None:
    world = World(tunable(max_uids=6))
    for name in ("m0", "m1"):
        assert world.do("alice", BurnedRegister(SUBNET, who(name))) == ""
    assert world.do("owner", SetHyperparameter(SUBNET, b"max_uids", 4)) == "InvalidValue"
    assert world.do("owner", SetHyperparameter(SUBNET, b"max_uids", 5)) == ""


def test_an_owner_changes_nothing_in_the_last_blocks_before_an_epoch() -> None:
    call = SetHyperparameter(SUBNET, b"immunity_blocks", 7)
    outcomes = [at(height).do("owner", call) for height in range(1, 2 * (TEMPO + 1))]
    frozen = [height for height, code in enumerate(outcomes, 1) if code == "AdminActionProhibitedDuringWeightsWindow"]
    assert frozen == [7, 8, 18, 19], "epochs run in blocks 9 and 20"
    assert {code for height, code in enumerate(outcomes, 1) if height not in frozen} == {""}
    assert at(8).decide(call) == "", "a proposal is not held up"


def test_an_owner_changes_each_number_once_in_two_tempos() -> None:
    world = World(tunable())
    first = SetHyperparameter(SUBNET, b"immunity_blocks", 7)
    assert world.do("owner", first) == ""
    assert world.do("owner", first) == "TxRateLimitExceeded"
    assert world.do("owner", SetHyperparameter(SUBNET, b"serving_rate_limit_blocks", 7)) == "", "another number"
    assert Scratch(world).decide(first) == "", "a proposal has no pause"
    assert Scratch(world, height=20).do("owner", first) == "TxRateLimitExceeded"
    assert Scratch(world, height=21).do("owner", first) == ""
    assert world.do("owner", SetHyperparameter(SUBNET, b"weights_version_key", 7)) == ""
    changed = world.state.height
    version = SetHyperparameter(SUBNET, b"weights_version_key", 8)
    assert Scratch(world, height=changed + 5 * TEMPO - 1).do("owner", version) == "TxRateLimitExceeded"
    assert Scratch(world, height=changed + 5 * TEMPO).do("owner", version) == ""


def test_a_refused_change_does_not_start_a_pause() -> None:
    world = World(tunable())
    assert world.do("owner", SetHyperparameter(SUBNET, b"immunity_blocks", 65_536)) == "InvalidValue"
    assert world.do("owner", SetHyperparameter(SUBNET, b"immunity_blocks", 65_535)) == ""


# --- typed changes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "code"),
    [
        (1_638, 1_638, ""), (1_638, 65_535, ""), (65_535, 65_535, ""), (1_637, 60_000, "AlphaLowOutOfRange"),
        (50_001, 50_000, "AlphaLowOutOfRange"), (1_638, 1_637, "AlphaHighTooLow"),
    ],
)  # fmt: skip
def test_the_range_of_liquid_alpha_is_ordered(low: int, high: int, code: str) -> None:
    scratch = Scratch(World(tunable(liquid_alpha=True)), height=1)
    assert scratch.do("owner", SetAlphaValues(SUBNET, low, high)) == code
    assert ((numbers(scratch).alpha_low_u16, numbers(scratch).alpha_high_u16) == (low, high)) == (code == "")


@pytest.mark.parametrize(
    ("by", "call", "code"),
    [
        ("owner", SetAlphaValues(SUBNET, 2000, 3000), "LiquidAlphaDisabled"),
        ("alice", SetAlphaValues(SUBNET, 2000, 3000), "NotSubnetOwner"),
        ("owner", SetAlphaValues(ROOT, 2000, 3000), "SubnetNotExists"),
        ("owner", SetSubnetOwnerHotkey(SUBNET, who("stranger")), "HotKeyAccountNotExists"),
        ("owner", SetSubnetOwnerHotkey(SUBNET, who("va")), "NonAssociatedColdKey"),
        ("val", SetSubnetOwnerHotkey(SUBNET, who("va")), "NotSubnetOwner"),
        ("owner", SetSubnetOwnerHotkey(NetUid(9), who("va")), "SubnetNotExists"),
        ("owner", SetHyperparameter(ROOT, b"max_uids", 9), "SubnetNotExists"),
        ("owner", TrimToMaxAllowedUids(SUBNET, 3), "InvalidValue"),
        ("owner", TrimToMaxAllowedUids(SUBNET, 257), "InvalidValue"),
        ("alice", TrimToMaxAllowedUids(SUBNET, 5), "NotSubnetOwner"),
        ("owner", TrimToMaxAllowedUids(NetUid(9), 5), "SubnetNotExists"),
        ("owner", SetParameter(b"base_fee_rao", 1), "BadOrigin"),
    ],
)  # fmt: skip
def test_a_change_that_may_not_happen_fails_by_its_name(by: str, call: Call, code: str) -> None:
    assert World(tunable()).do(by, call) == code
    [spec] = [spec for spec in CALLS if spec.kind is type(call)]
    assert code in {error.code for error in spec.errors}, "the table names every error"


def test_the_owners_cut_goes_to_the_hotkey_the_owner_names() -> None:
    world = World(tunable())
    assert world.do("owner", BurnedRegister(SUBNET, who("second"))) == ""
    assert world.do("owner", SetSubnetOwnerHotkey(SUBNET, who("second"))) == ""
    assert world.do("owner", SetSubnetOwnerHotkey(SUBNET, who("owner-hot"))) == "TxRateLimitExceeded"
    world.run_to(21)
    info = queries.metagraph(world.state.view, SUBNET)
    assert info.subnet.owner_hotkey == who("second")
    assert info.rows[3].alpha_stake > 0
    assert info.rows[0].alpha_stake == 0


# --- the chain's numbers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("base_fee_rao", 7, ""), ("new_subnet_emission", 0, ""), ("new_subnet_emission", 2, "InvalidValue"),
        ("swap_fee_u16", 10_000, ""), ("swap_fee_u16", 10_001, "InvalidValue"), ("subnet_limit", 0, "InvalidValue"),
        ("subnet_limit", 128, ""), ("subnet_limit", 129, "InvalidValue"), ("take_max_u16", 11_795, "InvalidValue"),
        ("take_min_u16", 11_797, "InvalidValue"), ("take_min_u16", 11_796, ""), ("nonsense", 1, "UnknownParameter"),
        ("take_default_u16", 0, ""), ("childkey_take_min_u16", 11_797, "InvalidValue"),
    ],
)  # fmt: skip
def test_a_proposal_sets_a_number_of_the_chain_within_its_range(name: str, value: int, code: str) -> None:
    scratch = at(1)
    before = system.PARAMETERS.get(scratch.state)
    assert scratch.decide(SetParameter(name.encode(), value)) == code
    after = system.PARAMETERS.get(scratch.state)
    assert after == (before if code else with_(before, **{name: bool(value) if name.startswith("new_") else value}))
    assert scratch.events == ([] if code else [ParameterSet(name.encode(), value)])


def test_every_number_of_the_chain_can_be_set_to_what_it_is() -> None:
    scratch = at(1)
    for name in Parameters.__struct_fields__:
        value = int(getattr(system.PARAMETERS.get(scratch.state), name))
        assert scratch.decide(SetParameter(name.encode(), value)) == "", name


def test_root_origin_comes_from_nowhere_else() -> None:
    scratch = at(1)
    assert scratch.do("nobody", SetParameter(b"base_fee_rao", 1), origin=Origin.SIGNED) == "BadOrigin"
    assert scratch.do("alice", Transfer(who("bob"), Rao(TAO))) == ""


# --- trimming ---------------------------------------------------------------------------------------------------------


def crowded() -> World:
    """Ten seats; validators weigh all miners, some more than others, for one epoch."""
    spec = tunable(max_uids=10, immunity_blocks=5, commit_reveal=False)
    [subnet] = spec.subnets
    miners = tuple(GenesisNeuron(who(f"m{number}"), who("bob")) for number in range(7))
    world = World(replace(spec, subnets=(replace(subnet, neurons=(*subnet.neurons, *miners)),)))
    row = tuple((uid, 1 + (uid * 7) % 5 * 10) for uid in range(3, 10))
    assert len(neurons.all_of(world.state.view, SUBNET)) == 10
    targets = SetWeights(SUBNET, tuple(Uid(uid) for uid, _ in row), tuple(value for _, value in row), 0)
    world.run_to(3)
    world.block(world.sign("va", targets), world.sign("vb", targets))
    world.run_to(22)
    return world


def test_trimming_removes_the_lowest_earners_and_renumbers_every_row() -> None:
    world = crowded()
    view = world.state.view
    before = queries.metagraph(view, SUBNET).rows
    protected = {0}
    order = sorted((row.emission_alpha, row.registered_at, row.uid) for row in before if row.uid not in protected)
    gone = {uid for _, _, uid in order[:4]}
    kept = [row for row in before if row.uid not in gone]
    old = {row.uid: weights.WEIGHTS.get(view, (SUBNET, row.uid)) for row in kept}
    bonds = {row.uid: scores.BONDS.get(view, (SUBNET, row.uid)) for row in kept}
    executed = world.block(world.sign("owner", TrimToMaxAllowedUids(SUBNET, 6)))
    assert executed.receipts[0].ok, executed.receipts
    assert UidsTrimmed(SUBNET, 6, 4) in executed.events
    view = world.state.view
    after = queries.metagraph(view, SUBNET).rows
    assert [row.hotkey for row in after] == [row.hotkey for row in kept]
    assert [row.incentive_u16 for row in after] == [row.incentive_u16 for row in kept]
    assert [row.validator_permit for row in after] == [row.validator_permit for row in kept]
    assert after[0].hotkey == who("owner-hot")
    new = {row.uid: uid for uid, row in enumerate(kept)}
    for row in kept:
        for rows, table in ((old, weights.WEIGHTS), (bonds, scores.BONDS)):
            expected = tuple((new[Uid(uid)], value) for uid, value in rows[row.uid] if uid in new)
            assert table.get(view, (SUBNET, Uid(new[row.uid]))) == expected
    assert any(old.values())
    assert any(bonds.values())
    for uid in range(6, 10):
        assert not neurons.NEURON.has(view, (SUBNET, Uid(uid)))
    assert all(queries.uid_of(view, SUBNET, before[uid].hotkey) is None for uid in gone)
    assert numbers(Scratch(world)).max_uids == 6
    world.run_to(world.state.height + 12)


def test_a_subnet_of_mostly_immune_neurons_is_not_trimmed() -> None:
    world = crowded()
    assert Scratch(world).do("owner", TrimToMaxAllowedUids(SUBNET, 4)) == ""
    spec = tunable(max_uids=10, immunity_blocks=5000)
    young = Scratch(World(spec), height=1)
    assert young.do("owner", TrimToMaxAllowedUids(SUBNET, 4)) == "", "three of four are below 80 %"
    assert numbers(young).max_uids == 4
    spec = tunable(max_uids=10, immunity_blocks=5000, immune_owner_uids=1)
    [subnet] = spec.subnets
    more = replace(subnet, neurons=(*subnet.neurons, GenesisNeuron(who("m"), who("bob"))))
    young = Scratch(World(replace(spec, subnets=(more,))), height=1)
    assert young.do("owner", TrimToMaxAllowedUids(SUBNET, 5)) == "TrimmingWouldExceedMaxImmunePercentage", (
        "exactly 80 %"
    )
    assert young.do("owner", TrimToMaxAllowedUids(SUBNET, 6)) == ""


def test_an_owner_trims_only_now_and_then() -> None:
    world = World(tunable())
    assert world.do("owner", TrimToMaxAllowedUids(SUBNET, 200)) == ""
    assert Scratch(world, height=25).do("owner", TrimToMaxAllowedUids(SUBNET, 100)) == "TxRateLimitExceeded"
    assert Scratch(world, height=26).do("owner", TrimToMaxAllowedUids(SUBNET, 100)) == ""
    assert world.do("alice", AddStake(who("va"), SUBNET, Rao(TAO))) == ""
