"""What screens are told about subnets' life is what the calls then do."""

import pytest

from node.ledger import errors, queries, subnet_queries
from node.ledger.calls import RegisterNetwork, SetHyperparameter, SetSubnetIdentity
from node.ledger.parameter_rules import RULES, Setter
from node.primitives.types import NetUid
from tests.unit.ledger.root import Scratch
from tests.unit.ledger.test_networks import IDENTITY, LOCK, NEW, young
from tests.unit.ledger.test_tuning import tunable
from tests.unit.ledger.world import SUBNET, World, who


def test_the_offer_is_what_a_creation_then_costs() -> None:
    world = World(young(network_lock_reduction_blocks=100, network_rate_limit_blocks=5))
    first = subnet_queries.network_offer(world.state.view)
    assert (first.lock_rao, first.from_height, first.subnets, first.possible) == (LOCK, 1, 1, True)
    assert world.do("alice", RegisterNetwork(who("a0"))) == ""
    assert subnet_queries.network_offer(world.state.view).from_height == 6
    world.run_to(9)
    offer, before = subnet_queries.network_offer(world.state.view), queries.balance(world.state.view, who("bob"))
    receipt = world.block(world.sign("bob", RegisterNetwork(who("b0")))).receipts[0]
    assert before - queries.balance(world.state.view, who("bob")) - receipt.fee_rao == offer.lock_rao


def test_the_offer_names_the_subnet_that_makes_room() -> None:
    world = World(young(subnet_limit=1, network_immunity_blocks=6))
    assert not subnet_queries.network_offer(world.state.view).possible
    world.run_to(5)
    offer = subnet_queries.network_offer(world.state.view)
    assert (offer.replaces, offer.possible) == (SUBNET, True)


def test_the_list_tells_age_and_generation() -> None:
    world = World(young())
    assert world.do("alice", RegisterNetwork(who("fresh"))) == ""
    old, new = subnet_queries.networks_list(world.state.view)
    assert (old.netuid, old.started, old.generation, old.immune_until) == (SUBNET, True, 0, 20)
    assert (new.netuid, new.started, new.generation, new.immune_until) == (NEW, False, 1, 21)
    assert new.name == "subnet 2"


def test_hyperparameters_come_with_who_may_set_them_and_when() -> None:
    world = World(tunable())
    assert world.do("owner", SetHyperparameter(SUBNET, b"immunity_blocks", 7)) == ""
    rows = {row.name: row for row in subnet_queries.hyperparameters(world.state.view, SUBNET)}
    assert set(rows) == set(RULES)
    assert (rows["immunity_blocks"].value, rows["immunity_blocks"].owner_from_height) == (7, 21)
    assert rows["kappa_u16"].setter is Setter.ROOT
    assert (rows["yuma3"].value, rows["yuma3"].owner_from_height) == (1, 0)
    with pytest.raises(errors.SubnetNotExists):
        subnet_queries.hyperparameters(world.state.view, NetUid(9))


def test_the_freeze_is_announced_for_the_blocks_that_keep_it() -> None:
    world = World(tunable())
    told = []
    for _ in range(10):
        frozen = subnet_queries.owner_is_frozen(world.state.view, SUBNET)
        refused = Scratch(world).do("owner", SetHyperparameter(SUBNET, b"yuma3", 1)) != ""
        assert frozen == refused
        told.append(frozen)
        world.block()
    assert told.count(True) == 2


def test_an_identity_is_told_as_it_was_given() -> None:
    world = World(young())
    assert subnet_queries.identity(world.state.view, SUBNET) is None
    assert world.do("owner", SetSubnetIdentity(SUBNET, IDENTITY)) == ""
    assert subnet_queries.identity(world.state.view, SUBNET) == IDENTITY
