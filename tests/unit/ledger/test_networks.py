"""Subnets come, start, are described and go; what one costs, and what is left of it when it is gone."""

from copy import copy
from dataclasses import replace
from functools import cache
from typing import cast, get_args

import pytest
from msgspec.structs import replace as with_

from node.economics.registration import dissolve_payouts
from node.ledger import invariants, queries
from node.ledger.calls import (
    CALLS,
    AddStake,
    AddStakeBurn,
    BurnedRegister,
    Call,
    RegisterLimit,
    RegisterNetwork,
    RegisterNetworkWithIdentity,
    RootDissolveNetwork,
    ServeAxon,
    SetCommitment,
    SetHyperparameter,
    SetSubnetIdentity,
    SetWeights,
    StartCall,
    SubnetIdentity,
)
from node.ledger.events import DissolutionPaid, FirstEmissionBlockNumberSet, NetworkAdded, NetworkRemoved
from node.ledger.genesis import GenesisSpec
from node.ledger.pallets import (
    accounts,
    emission,
    networks,
    scores,
    staking,
    subnets,
)
from node.ledger.parameters import Hyperparameters
from node.ledger.state import Map, Overlay
from node.primitives.types import MAX_SUPPLY_RAO, Alpha, Height, NetUid, Rao, Uid
from tests.unit.ledger.root import Scratch
from tests.unit.ledger.test_moves import OTHER, two_subnets
from tests.unit.ledger.world import ROOT, SUBNET, TAO, World, hyper, small_genesis, who

LOCK = 1000 * TAO
NEW = NetUid(2)
IDENTITY = SubnetIdentity("Fine text", description="Words", url="https://example.org")


def young(**parameters: int | bool) -> GenesisSpec:
    """The small genesis of a chain whose subnets come and go quickly."""
    spec = small_genesis()
    quick = {"network_rate_limit_blocks": 5, "network_immunity_blocks": 20, **parameters}
    return replace(spec, parameters=with_(spec.parameters, **quick))


def free(world: World, name: str) -> int:
    return queries.balance(world.state.view, who(name))


# --- creation ---------------------------------------------------------------------------------------------------------


def test_a_new_subnet_holds_its_lock_at_the_median_price_and_seats_its_owner() -> None:
    spec = young()
    dear = replace(spec.subnets[0], pool_alpha=Alpha(5_000 * TAO))
    world = World(replace(spec, subnets=(dear,)))
    issuance, before = queries.total_issuance(world.state.view), free(world, "alice")
    executed = world.block(world.sign("alice", RegisterNetwork(who("fresh"))))
    receipt = executed.receipts[0]
    assert receipt.ok, receipt
    assert free(world, "alice") == before - LOCK - receipt.fee_rao
    assert queries.total_issuance(world.state.view) - issuance <= TAO, "the lock is neither burned nor minted"
    info = queries.subnet(world.state.view, NEW)
    assert (info.owner_coldkey, info.owner_hotkey, info.started) == (who("alice"), who("fresh"), False)
    assert (info.tao_in_pool_rao, info.alpha_out, info.burn_rao, info.neurons) == (LOCK, 0, TAO, 1)
    price = queries.subnet(world.state.view, SUBNET).price_rao
    assert price > 1.9 * TAO
    assert info.price_rao in (price, price + 1), "the other subnet's price is the median"
    assert info.hyperparameters == Hyperparameters()
    assert queries.uid_of(world.state.view, NEW, who("fresh")) == 0
    assert NetworkAdded(NEW, who("alice"), who("fresh"), Rao(LOCK)) in executed.events


def test_the_lock_cost_doubles_and_falls_back_with_time() -> None:
    world = World(young(network_lock_reduction_blocks=100))
    assert world.do("alice", RegisterNetwork(who("a0"))) == ""
    view, parameters = world.state.view, queries.parameters(world.state.view)
    now = world.state.height
    costs = [networks.lock_cost_rao(view, parameters, Height(now + blocks)) for blocks in (0, 1, 50, 99, 100, 300)]
    assert costs == [2 * LOCK, 2 * LOCK - 10 * TAO, LOCK * 3 // 2, LOCK + 10 * TAO, LOCK, LOCK]
    world.run_to(now + 9)
    before = free(world, "bob")
    receipt = world.block(world.sign("bob", RegisterNetwork(who("b0")))).receipts[0]
    assert before - free(world, "bob") - receipt.fee_rao == 2 * LOCK - 100 * TAO


def test_creations_keep_their_distance_whoever_pays() -> None:
    world = World(young(network_rate_limit_blocks=5))
    assert world.do("alice", RegisterNetwork(who("a0"))) == ""
    created = world.state.height
    assert world.do("bob", RegisterNetwork(who("b0"))) == "NetworkTxRateLimitExceeded"
    world.run_to(created + 3)
    assert world.do("bob", RegisterNetwork(who("b0"))) == "NetworkTxRateLimitExceeded"
    assert world.do("bob", RegisterNetwork(who("b0"))) == ""


def test_a_new_subnet_takes_the_lowest_free_number() -> None:
    spec = young(network_rate_limit_blocks=0)
    far = replace(spec.subnets[0], netuid=NetUid(3))
    world = World(replace(spec, subnets=(far,), stakes=()))
    for name in ("alice", "bob", "val"):
        assert world.do(name, RegisterNetwork(who(f"{name}-subnet"))) == ""
    assert subnets.NETUIDS.get(world.state.view) == (1, 2, 3, 4)
    assert queries.subnet(world.state.view, NetUid(4)).owner_coldkey == who("val")


@pytest.mark.parametrize(
    ("by", "call", "code"),
    [
        ("alice", RegisterNetwork(who("va")), "NonAssociatedColdKey"),
        ("pauper", RegisterNetwork(who("new")), "CannotAffordLockCost"),
        ("alice", RegisterNetworkWithIdentity(who("new"), SubnetIdentity(" ")), "InvalidIdentity"),
        ("alice", RegisterNetworkWithIdentity(who("new"), SubnetIdentity("\x1b[2J")), "InvalidIdentity"),
        ("alice", SetSubnetIdentity(SUBNET, IDENTITY), "NotSubnetOwner"),
        ("alice", SetSubnetIdentity(NetUid(9), IDENTITY), "SubnetNotExists"),
        ("owner", SetSubnetIdentity(SUBNET, SubnetIdentity("x", contact="a\nb")), "InvalidIdentity"),
        ("owner", StartCall(SUBNET), "FirstEmissionBlockNumberAlreadySet"),
        ("alice", StartCall(SUBNET), "NotSubnetOwner"),
        ("alice", StartCall(ROOT), "SubnetNotExists"),
        ("owner", RootDissolveNetwork(SUBNET), "BadOrigin"),
        ("alice", RegisterLimit(SUBNET, who("seat"), Rao(TAO // 2)), "RegistrationPriceLimitExceeded"),
        ("alice", RegisterLimit(NetUid(9), who("seat"), Rao(TAO)), "SubnetNotExists"),
    ],
)  # fmt: skip
def test_what_may_not_happen_to_a_subnet_fails_by_its_name(by: str, call: Call, code: str) -> None:
    spec = young()
    poor = replace(spec.balances[0], account=who("pauper"), amount_rao=Rao(LOCK - 1))
    world = World(replace(spec, balances=(*spec.balances, poor)))
    assert world.do(by, call) == code
    [row] = [row for row in CALLS if row.kind is type(call)]
    assert code in {error.code for error in row.errors}, "the table names every error"


def test_a_seat_is_bought_at_exactly_the_limit() -> None:
    world = World(small_genesis(subnet=hyper(burn_half_life_blocks=0)))
    assert world.do("alice", RegisterLimit(SUBNET, who("seat"), Rao(TAO - 1))) == "RegistrationPriceLimitExceeded"
    assert world.do("alice", RegisterLimit(SUBNET, who("seat"), Rao(TAO))) == ""


# --- start and identity -----------------------------------------------------------------------------------------------


def test_a_subnet_starts_once_after_its_delay_and_emits_from_the_next_block() -> None:
    world = World(young(start_call_delay_blocks=4))
    assert world.do("alice", RegisterNetwork(who("fresh"))) == ""
    stake = AddStake(who("fresh"), NEW, Rao(TAO))
    assert world.do("bob", stake) == "SubtokenDisabled"
    assert world.do("alice", StartCall(NEW)) == "NeedWaitingMoreBlocksToStarCall"
    world.block()
    executed = world.block(world.sign("alice", StartCall(NEW)), world.sign("bob", stake))
    assert [receipt.error_code for receipt in executed.receipts] == ["", ""]
    assert FirstEmissionBlockNumberSet(NEW, Height(world.state.height + 1)) in executed.events
    assert emission.EMISSION.get(world.state.view, NEW).alpha_out == 0
    world.block()
    emitted = emission.EMISSION.get(world.state.view, NEW)
    assert emitted.alpha_out == TAO
    world.run_to(world.state.height + 30)
    assert emission.EMISSION.get(world.state.view, NEW).moving_price_q32 > 0
    assert world.do("alice", StartCall(NEW)) == "FirstEmissionBlockNumberAlreadySet"


def test_new_subnets_wait_for_their_tau_where_the_network_says_so() -> None:
    world = World(young(new_subnet_emission=False))
    assert world.do("alice", RegisterNetwork(who("fresh"))) == ""
    assert world.do("alice", StartCall(NEW)) == ""
    world.run_to(world.state.height + 5)
    emitted = emission.EMISSION.get(world.state.view, NEW)
    assert (emitted.tao_in, emitted.alpha_out) == (0, TAO)


def test_a_subnet_carries_the_name_its_owner_gives_it() -> None:
    world = World(young())
    assert world.do("alice", RegisterNetworkWithIdentity(who("fresh"), IDENTITY)) == ""
    assert queries.subnet(world.state.view, NEW).name == "Fine text"
    assert world.do("alice", SetSubnetIdentity(NEW, with_(IDENTITY, name="Finer text"))) == ""
    assert queries.subnet(world.state.view, NEW).name == "Finer text"
    described = subnets.IDENTITY.find(world.state.view, NEW)
    assert described is not None
    assert described.url == "https://example.org"


# --- dissolution ------------------------------------------------------------------------------------------------------


def test_a_dissolved_subnet_pays_every_position_its_exact_part_and_recycles_the_rest() -> None:
    world = World(two_subnets(root_rao=50 * TAO))
    world.run_to(13)
    scratch = Scratch(world)
    view, pool = scratch.state, subnets.POOL.get(scratch.state, SUBNET)
    holders = [(hotkey, coldkey) for hotkey in ("va", "vb", "owner-hot") for coldkey in ("val", "bob", "owner")]
    held = {
        who(hotkey) + who(coldkey): staking.stake_of(view, who(hotkey), SUBNET, who(coldkey))
        for hotkey, coldkey in holders
    }
    held = {key: held[key] for key in sorted(held) if held[key]}
    expected = dissolve_payouts(pool.tao_rao, held, pool.protocol_alpha + pool.alpha_in)
    before = {name: queries.balance(view, who(name)) for name in ("val", "bob", "owner")}
    issuance = queries.total_issuance(view)
    assert scratch.decide(RootDissolveNetwork(SUBNET)) == ""
    paid = {e.hotkey + e.coldkey: int(e.tao_rao) for e in scratch.events if isinstance(e, DissolutionPaid)}
    assert paid == expected
    gained = {name: queries.balance(view, who(name)) - before[name] for name in before}
    assert gained == {name: sum(tao for key, tao in paid.items() if key.endswith(who(name))) for name in before}
    assert gained["val"] > gained["bob"] > 0
    [removed] = [event for event in scratch.events if isinstance(event, NetworkRemoved)]
    assert removed == NetworkRemoved(SUBNET, Rao(sum(paid.values())), Rao(pool.tao_rao - sum(paid.values())))
    assert issuance - queries.total_issuance(view) == removed.recycled_rao
    assert [position.netuid for position in queries.stakes_of(view, who("bob"))] in ([ROOT, OTHER], [OTHER, ROOT])


def _lived_in() -> World:
    """A subnet that has used every kind of row: stake, an emptied pool, seats, weights, bonds, axons, changes."""
    spec = young(network_rate_limit_blocks=0, subnet_limit=2, admin_freeze_blocks=0)
    world = World(replace(spec, subnets=(replace(spec.subnets[0], hyperparameters=hyper(commit_reveal=False)),)))
    assert world.do("alice", RegisterNetworkWithIdentity(who("fresh"), IDENTITY)) == ""
    assert world.do("alice", SetHyperparameter(NEW, b"commit_reveal", 0)) == ""
    assert world.do("alice", StartCall(NEW)) == ""
    assert world.do("bob", BurnedRegister(NEW, who("seat"))) == ""
    for name, hotkey in (("alice", "fresh"), ("bob", "seat"), ("val", "seat")):
        assert world.do(name, AddStake(who(hotkey), NEW, Rao(150 * TAO))) == ""
    assert world.do("mallory", AddStakeBurn(who("fresh"), NEW, Rao(TAO), 0)) == ""
    world.run_to(110)
    world.block(
        world.sign("seat", ServeAxon(NEW, b"peer", ())),
        world.sign("seat", SetCommitment(NEW, b"hash")),
        world.sign("fresh", SetWeights(NEW, (Uid(1),), (7,), 0)),
    )
    world.run_to(371)
    assert scores.SCORES.get(world.state.view, NEW).height
    return world


@cache
def _lived_in_once() -> World:
    return _lived_in()


def _lived_in_copy() -> World:
    """The same chain again, to go on from: its states never change, only what is known of them."""
    world = copy(_lived_in_once())
    world.blocks, world._nonces = list(world.blocks), dict(world._nonces)
    return world


def _mentions(kind: object, key: object, netuid: NetUid) -> bool:
    """Whether a key of this type holds this netuid where the type says NetUid."""
    parts = kind if isinstance(kind, tuple) else get_args(kind)
    if parts:
        return any(
            _mentions(part, value, netuid) for part, value in zip(parts, cast("tuple[object]", key), strict=True)
        )
    return kind is NetUid and key == netuid


def test_nothing_of_a_dissolved_subnet_is_left_but_its_generation(monkeypatch: pytest.MonkeyPatch) -> None:
    written: set[tuple[Map[object, object], object]] = set()
    put = Map.put

    def noted(self: Map[object, object], overlay: Overlay, key: object, value: object) -> None:
        written.add((self, key))
        put(self, overlay, key, value)

    monkeypatch.setattr(Map, "put", noted)
    world = _lived_in()
    of_subnet = [(item, key) for item, key in written if _mentions(item.key, key, NEW)]
    lived = {f"{item.pallet}.{item.name}" for item, key in of_subnet if item.has(world.state.view, key)}
    assert lived >= {
        "subnets.subnet", "subnets.pool", "subnets.hyperparameters", "subnets.identity", "subnets.generation",
        "neurons.count", "neurons.neuron", "neurons.uid", "neurons.axon", "neurons.commitment", "scores.scores",
        "scores.bonds", "weights.weights", "registration.burn", "emission.emission", "staking.pool", "staking.share",
        "staking.positions_slot", "staking.nominators_at", "staking.staked_at", "exits.burned_at",
        "ownership.changed_at", "ownership.changes_at",
    }  # fmt: skip
    scratch = Scratch(world)
    assert scratch.decide(RootDissolveNetwork(NEW)) == ""
    left = {f"{item.pallet}.{item.name}" for item, key in of_subnet if item.has(scratch.state, key)}
    assert left == {"subnets.generation"}
    assert all(position.netuid != NEW for name in ("alice", "bob", "val") for position in _positions(scratch, name))


def _positions(scratch: Scratch, name: str) -> tuple[queries.StakePosition, ...]:
    return queries.stakes_of(scratch.state, who(name))


def test_the_subnet_with_the_lowest_moving_price_makes_room_once_it_is_old_enough() -> None:
    world = _lived_in_copy()
    before = queries.subnet(world.state.view, NEW)
    assert before.moving_price_rao < queries.subnet(world.state.view, SUBNET).moving_price_rao
    held = staking.stake_of(world.state.view, who("seat"), NEW, who("val"))
    assert held > 0
    free_rao = free(world, "val")
    executed = world.block(world.sign("bob", RegisterNetwork(who("heir"))))
    assert executed.receipts[0].ok, executed.receipts
    assert [type(e) for e in executed.events if isinstance(e, NetworkRemoved | NetworkAdded)] == [
        NetworkRemoved, NetworkAdded,
    ]  # fmt: skip
    view = world.state.view
    assert subnets.NETUIDS.get(view) == (SUBNET, NEW)
    assert queries.subnet(view, NEW).owner_coldkey == who("bob")
    assert queries.subnet(view, NEW).name == "subnet 2"
    assert subnets.GENERATION.get(view, NEW) == 2
    assert free(world, "val") > free_rao
    assert staking.stake_behind(view, who("seat"), NEW) == 0
    assert queries.uid_of(view, NEW, who("seat")) is None
    assert queries.uid_of(view, NEW, who("heir")) == 0


def test_no_subnet_makes_room_before_its_immunity_ends() -> None:
    world = World(young(network_rate_limit_blocks=0, subnet_limit=1, network_immunity_blocks=6))
    world.run_to(4)
    assert world.do("alice", RegisterNetwork(who("fresh"))) == "SubnetLimitReached"
    assert world.do("alice", RegisterNetwork(who("fresh"))) == ""
    assert subnets.NETUIDS.get(world.state.view) == (SUBNET,)
    assert queries.subnet(world.state.view, SUBNET).owner_coldkey == who("alice")


def test_a_late_share_of_an_earlier_subnet_is_worth_nothing_in_the_next_one() -> None:
    world = _lived_in_copy()
    assert world.do("bob", RegisterNetwork(who("heir"))) == ""
    assert world.do("bob", StartCall(NEW)) == ""
    assert world.do("alice", AddStake(who("seat"), NEW, Rao(10 * TAO))) == ""
    view = world.state.view
    behind = staking.stake_behind(view, who("seat"), NEW)
    assert staking.stake_of(view, who("seat"), NEW, who("alice")) == behind > 0
    assert staking.stake_of(view, who("seat"), NEW, who("val")) == 0


def test_the_last_rao_of_a_tie_goes_to_the_lower_account() -> None:
    spec = young()
    third = Alpha(100 * TAO)
    odd = replace(spec.subnets[0], pool_alpha=third, pool_tao_rao=Rao(10_000 * TAO))  # one more than a multiple of 3
    stakes = tuple(replace(stake, amount=third) for stake in spec.stakes)
    scratch = Scratch(World(replace(spec, subnets=(odd,), stakes=stakes)))
    assert scratch.decide(RootDissolveNetwork(SUBNET)) == ""
    paid = {event.hotkey: event.tao_rao for event in scratch.events if isinstance(event, DissolutionPaid)}
    low, high = sorted((who("va"), who("vb")))
    assert paid == {low: 10_000 * TAO // 3 + 1, high: 10_000 * TAO // 3}


def test_the_whole_lock_cost_must_be_there() -> None:
    spec = young()
    poor = tuple(
        replace(spec.balances[0], account=who(name), amount_rao=Rao(amount))
        for name, amount in (("short", LOCK - 1), ("exact", LOCK))
    )
    scratch = Scratch(World(replace(spec, balances=(*spec.balances, *poor))))
    assert scratch.do("short", RegisterNetwork(who("new"))) == "CannotAffordLockCost"
    assert scratch.do("exact", RegisterNetwork(who("new"))) == ""


def test_a_subnet_without_stakers_is_recycled_as_a_whole() -> None:
    world = World(young())
    assert world.do("alice", RegisterNetwork(who("fresh"))) == ""
    scratch = Scratch(world)
    issuance = accounts.ISSUANCE.get(scratch.state)
    assert scratch.decide(RootDissolveNetwork(NEW)) == ""
    assert issuance - accounts.ISSUANCE.get(scratch.state) == LOCK
    assert scratch.decide(RootDissolveNetwork(NEW)) == "SubnetNotExists"
    assert scratch.decide(RootDissolveNetwork(ROOT)) == "SubnetNotExists"
    invariants.check(scratch.state)


def test_the_alpha_of_a_new_pool_never_exceeds_what_may_exist() -> None:
    spec = young()
    cheap = replace(spec.subnets[0], pool_tao_rao=Rao(20 * TAO), pool_alpha=Alpha(MAX_SUPPLY_RAO // 2))
    world = World(replace(spec, subnets=(cheap,), stakes=()))
    assert world.do("alice", RegisterNetwork(who("fresh"))) == ""
    assert queries.subnet(world.state.view, NEW).alpha_in_pool == int(MAX_SUPPLY_RAO)
