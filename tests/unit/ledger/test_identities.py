"""Identities, hotkeys claimed without a seat, where earnings are staked, and bonds that end with a new model."""

from typing import Final

import pytest

from node.ledger import queries
from node.ledger.calls import (
    BurnedRegister,
    SetColdkeyAutoStakeHotkey,
    SetCommitment,
    SetCommitmentResetBonds,
    SetIdentity,
    SetWeights,
    SwapHotkey,
    TryAssociateHotkey,
)
from node.ledger.events import AutoStakeAdded, AutoStakeDestinationSet, BondsReset, ChainIdentitySet, MinerPaid
from node.ledger.pallets import destinations, identities, scores
from node.primitives.types import NetUid, Uid
from tests.unit.ledger.refusals import failed, refused
from tests.unit.ledger.world import SUBNET, World, hyper, small_genesis, who

NAMED: Final = SetIdentity("Zoë", "https://a.example", "", "", "zoe", "Mines text. 文", "")


def _identity(**changes: str) -> SetIdentity:
    return SetIdentity(**{**{name: getattr(NAMED, name) for name in NAMED.__struct_fields__}, **changes})


# --- identity ---------------------------------------------------------------------------------------------------------


def test_an_identity_is_published_and_withdrawn() -> None:
    world = World()
    executed = world.block(world.sign("val", NAMED))
    assert ChainIdentitySet(who("val")) in executed.events
    published = identities.IDENTITY.get(world.state.view, who("val"))
    assert (published.name, published.description) == ("Zoë", "Mines text. 文")
    assert world.do("val", _identity(name="")) == ""
    assert identities.IDENTITY.find(world.state.view, who("val")) is None


def test_only_an_owner_of_hotkeys_has_an_identity() -> None:
    assert failed(World(), "alice", NAMED) == "HotKeyNotRegisteredInNetwork"


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "a" * 257}, {"name": "ä" * 129}, {"url": "u" * 257}, {"discord": "d" * 257},
        {"github_repo": "g" * 257}, {"image": "ä" * 513}, {"description": "ä" * 513}, {"additional": "ä" * 513},
        {"name": "two\nlines"}, {"name": "\x1b[31mred"}, {"name": "bell\x07"}, {"url": "zero\u200bwidth"},
        {"description": "turned \u202eround"}, {"additional": "\ufeff"}, {"name": "del\x7f"}, {"discord": "c1\x9b"},
    ],
)  # fmt: skip
def test_texts_are_bounded_and_have_no_hidden_characters(changes: dict[str, str]) -> None:
    assert failed(World(), "val", _identity(**changes)) == "InvalidIdentity"


def test_the_longest_texts_fit() -> None:
    long = _identity(name="a" * 256, description="d" * 1024, image="i" * 1024, additional="x" * 1024)
    assert World().do("val", long) == ""


# --- hotkeys and destinations -----------------------------------------------------------------------------------------


def test_a_hotkey_is_claimed_once() -> None:
    world = World()
    assert world.do("alice", TryAssociateHotkey(who("h"))) == ""
    assert world.do("alice", TryAssociateHotkey(who("h"))) == "", "again changes nothing"
    assert failed(world, "bob", TryAssociateHotkey(who("h"))) == "NonAssociatedColdKey"
    record = queries.hotkey(world.state.view, who("h"))
    assert record is not None
    assert record.coldkey == who("alice")


def test_earnings_go_to_the_chosen_destination() -> None:
    world = World()
    world.block(
        world.sign("alice", BurnedRegister(SUBNET, who("m"))),
        world.sign("alice", SetColdkeyAutoStakeHotkey(SUBNET, who("vb"))),
    )
    executed = world.block()
    world.block(world.sign("va", SetWeights(SUBNET, (Uid(3),), (1,), 0)))
    world.run_to(8)
    executed = world.block()
    [paid] = [event for event in executed.events if isinstance(event, MinerPaid)]
    [added] = [event for event in executed.events if isinstance(event, AutoStakeAdded)]
    assert added == AutoStakeAdded(SUBNET, who("vb"), who("m"), who("alice"), paid.alpha)
    assert paid.hotkey == who("m")
    held = {each.hotkey: each.alpha for each in queries.stakes_of(world.state.view, who("alice"))}
    assert set(held) == {who("vb")}
    assert held[who("vb")] in (paid.alpha, paid.alpha - 1)


def test_every_refusal_of_a_destination() -> None:
    world = World()
    assert failed(world, "alice", SetColdkeyAutoStakeHotkey(NetUid(9), who("va"))) == "SubnetNotExists"
    assert failed(world, "alice", SetColdkeyAutoStakeHotkey(SUBNET, who("m"))) == "HotKeyNotRegisteredInSubNet"
    chosen = SetColdkeyAutoStakeHotkey(SUBNET, who("va"))
    executed = world.block(world.sign("alice", chosen))
    assert AutoStakeDestinationSet(who("alice"), SUBNET, who("va")) in executed.events
    assert failed(world, "alice", chosen) == "SameAutoStakeHotkeyAlreadySet"
    assert world.do("alice", SetColdkeyAutoStakeHotkey(SUBNET, who("vb"))) == ""
    assert destinations.BY_HOTKEY.count(world.state.view, (who("va"), SUBNET)) == 0


def test_a_dissolved_subnet_leaves_no_destinations() -> None:
    world = World()
    world.do("alice", SetColdkeyAutoStakeHotkey(SUBNET, who("va")))
    world.do("bob", SetColdkeyAutoStakeHotkey(SUBNET, who("va")))
    overlay = world.overlay()
    destinations.forget_subnet(overlay, SUBNET)
    assert destinations.BY_SUBNET.count(overlay, SUBNET) == destinations.BY_HOTKEY.count(overlay, (who("va"), SUBNET))
    assert destinations.BY_SUBNET.count(overlay, SUBNET) == 0
    assert destinations.destination_of(overlay, who("bob"), SUBNET, who("m")) == who("m")


def test_a_destination_that_swaps_its_key_keeps_its_choosers() -> None:
    world = World()
    world.do("alice", SetColdkeyAutoStakeHotkey(SUBNET, who("va")))
    assert world.do("val", SwapHotkey(who("va"), who("vc"), keep_stake=False)) == ""
    assert destinations.destination_of(world.state.view, who("alice"), SUBNET, who("m")) == who("vc")


# --- bonds reset ------------------------------------------------------------------------------------------------------


def _bonded(*, bonds_reset: bool) -> World:
    """A miner "m" with bonds after one epoch."""
    world = World(small_genesis(subnet=hyper(bonds_reset=bonds_reset)))
    world.do("alice", BurnedRegister(SUBNET, who("m")))
    world.block()
    world.block(world.sign("va", SetWeights(SUBNET, (Uid(2), Uid(3)), (1, 1), 0)))
    world.run_to(20)
    assert dict(scores.BONDS.get(world.state.view, (SUBNET, Uid(1))))[3] > 0
    return world


def test_a_new_model_ends_all_bonds_on_it_where_the_subnet_allows_it() -> None:
    world = _bonded(bonds_reset=True)
    executed = world.block(world.sign("m", SetCommitmentResetBonds(SUBNET, b"new model")))
    assert BondsReset(SUBNET, who("m")) in executed.events
    assert dict(scores.BONDS.get(world.state.view, (SUBNET, Uid(1)))).keys() == {2}
    assert queries.commitment(world.state.view, SUBNET, who("m")) == b"new model"
    assert refused(world, "m", SetCommitmentResetBonds(SUBNET, b"x")) == "CommitmentRateLimitExceeded"
    assert refused(world, "stranger", SetCommitmentResetBonds(SUBNET, b"x")) == "HotKeyNotRegisteredInSubNet"
    assert refused(world, "m", SetCommitmentResetBonds(NetUid(9), b"x")) == "SubnetNotExists"


def test_elsewhere_and_without_asking_for_it_bonds_stay() -> None:
    world = _bonded(bonds_reset=False)
    world.do("m", SetCommitmentResetBonds(SUBNET, b"new model"))
    assert 3 in dict(scores.BONDS.get(world.state.view, (SUBNET, Uid(1))))
    world = _bonded(bonds_reset=True)
    world.do("m", SetCommitment(SUBNET, b"new model"))
    assert 3 in dict(scores.BONDS.get(world.state.view, (SUBNET, Uid(1))))
