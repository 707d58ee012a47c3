"""How one authority set follows another, and what headers say about it."""

import pytest
from msgspec.structs import replace

from node.ledger import errors, queries
from node.ledger import network_queries as network
from node.ledger.calls import Call, RemoveAuthority, SetAuthorities
from node.ledger.context import Context
from node.ledger.events import AuthoritiesAnnounced, AuthoritiesEnacted, AuthoritiesScheduled
from node.ledger.genesis import genesis_state
from node.ledger.header import Authority, Block, set_hash
from node.ledger.pallets import authority, system
from node.ledger.transition import build_block, execute_block
from node.primitives.crypto import verify
from node.primitives.types import Height, SetId, Slot
from tests.unit.ledger.council import PARAMETERS, council_genesis, decide, outcome
from tests.unit.ledger.root import Scratch
from tests.unit.ledger.world import World, who


def _named(*names: str, weight: int = 1) -> SetAuthorities:
    return SetAuthorities(tuple((account, weight) for account in sorted(who(name) for name in names)))


def _members(call: SetAuthorities) -> tuple[Authority, ...]:
    return tuple(Authority(account, weight) for account, weight in call.members)


def _to_slot(world: World, slot: int) -> None:
    world.block(slots=slot - world.state.slot)


THREE = tuple(f"authority{index}" for index in range(3))
NEXT = _named("authority0", "authority1", "newcomer")


def _scheduled(epoch_slots: int = 10) -> World:
    """Three authorities; the last is to be replaced; decided in slot 1, so in epoch 0."""
    world = World(council_genesis(authorities=3, epoch_slots=epoch_slots))
    assert outcome(decide(world, NEXT)) == ""
    return world


# --- announced, then enacted -----------------------------------------------------------------------------------------


def test_a_set_is_announced_by_the_first_block_of_the_next_epoch_and_enacted_by_that_of_the_one_after() -> None:
    world = _scheduled()
    old, new = _members(_named(*THREE)), _members(NEXT)
    _to_slot(world, 9)
    header = world.blocks[-1].header
    assert (header.set_id, header.next_set_hash, header.next_set) == (0, set_hash(old), ())
    announcing = world.block()
    header = world.blocks[-1].header
    assert (header.slot, header.set_id, header.next_set_hash, header.next_set) == (10, 0, set_hash(new), new)
    assert AuthoritiesAnnounced(SetId(1), set_hash(new)) in announcing.events
    _to_slot(world, 19)
    header = world.blocks[-1].header
    assert (header.set_id, header.next_set_hash, header.next_set) == (0, set_hash(new), ())
    handing_over = world.block()
    header = world.blocks[-1].header
    assert (header.slot, header.set_id, header.next_set_hash, header.next_set) == (20, 0, set_hash(new), new)
    assert AuthoritiesEnacted(SetId(1), set_hash(new)) in handing_over.events
    assert queries.authority_set(world.state.view).members == new
    world.block()
    header = world.blocks[-1].header
    assert (header.set_id, header.next_set_hash, header.next_set) == (1, set_hash(new), ())
    assert network.authority_set_of(world.state.view, SetId(0)) == old
    assert network.authority_set_of(world.state.view, SetId(1)) == new
    assert network.authority_set_of(world.state.view, SetId(2)) == ()


def test_epochs_without_blocks_shift_announcement_and_handover_but_keep_an_epoch_between_them() -> None:
    world = _scheduled()
    _to_slot(world, 47)
    assert world.blocks[-1].header.next_set == _members(NEXT)
    _to_slot(world, 49)
    assert queries.authority_set(world.state.view).set_id == 0
    _to_slot(world, 73)
    assert queries.authority_set(world.state.view).set_id == 1


def test_the_schedule_is_shown_while_it_runs() -> None:
    world = _scheduled()
    shown = network.authority_schedule(world.state.view)
    assert shown == network.AuthoritySchedule(SetId(1), _members(NEXT), 0, None, 2)
    _to_slot(world, 12)
    shown = network.authority_schedule(world.state.view)
    assert shown == network.AuthoritySchedule(SetId(1), _members(NEXT), 0, world.state.height, 2)
    _to_slot(world, 20)
    assert network.authority_schedule(world.state.view) is None


def test_a_block_may_leave_a_set_waiting_whose_announcement_its_producer_does_not_know_to_be_final() -> None:
    world = _scheduled()
    _to_slot(world, 19)
    for slot in (20, 21, 22):
        world.block(enact=False)
        header = world.blocks[-1].header
        assert (header.slot, header.set_id, header.next_set) == (slot, 0, ())
    world.block()
    assert world.blocks[-1].header.next_set == _members(NEXT)
    assert queries.authority_set(world.state.view).set_id == 1


def test_a_set_is_neither_announced_early_nor_enacted_in_the_epoch_of_its_announcement() -> None:
    world = _scheduled()
    for slot in (9, 10, 15):
        _to_slot(world, slot)
        following = build_block(
            world.state, Slot(slot + 1), who("authority0"), [], world.genesis_hash, verify=verify, enact=True
        ).header
        listed = _members(NEXT) if slot == 9 else ()
        assert following.next_set == listed
        wrong = replace(following, next_set=() if listed else _members(NEXT))
        with pytest.raises(errors.WrongAuthoritySet):
            execute_block(world.state, Block(wrong, ()), world.genesis_hash, verify=verify)


@pytest.mark.parametrize("slot", [9, 10, 15, 20, 21])
def test_a_header_that_says_something_else_about_the_sets_is_refused(slot: int) -> None:
    world = _scheduled()
    for before in (10, 20):
        if slot > before:
            _to_slot(world, before)
    draft = build_block(world.state, Slot(slot), who("authority0"), [], world.genesis_hash, verify=verify, enact=True)
    header = draft.header
    others = [
        replace(header, set_id=SetId(1 - header.set_id)),
        replace(header, next_set=_members(_named("mallory"))),
        replace(header, next_set_hash=set_hash(_members(_named("mallory")))),
    ]
    for wrong in others:
        with pytest.raises(errors.WrongAuthoritySet):
            execute_block(world.state, Block(wrong, ()), world.genesis_hash, verify=verify)
    execute_block(world.state, Block(header, ()), world.genesis_hash, verify=verify)


def test_a_replay_from_genesis_sees_the_same_sets() -> None:
    world = _scheduled()
    for slot in (9, 10, 20, 21, 35):
        _to_slot(world, slot)
    _, state, _ = genesis_state(council_genesis(authorities=3, epoch_slots=10))
    for block in world.blocks:
        state = execute_block(state, block, world.genesis_hash, verify=verify).state
    assert state.state_root == world.state.state_root


def test_a_disabled_authority_that_leaves_the_set_leaves_the_list() -> None:
    world = _scheduled()
    overlay = world.overlay()
    authority.disable(overlay, who("authority0"))
    authority.disable(overlay, who("authority2"))
    authority.disable(overlay, who("mallory"))
    assert set(authority.DISABLED.get(overlay)) == {who("authority0"), who("authority2")}
    for height, slot in ((50, 10), (51, 20)):
        system.begin_block(overlay, system.Clock(Height(height), Slot(slot), who("authority0")), world.state.hash)
        listed = authority.announced(overlay, Slot(slot), enact=True)[2]
        authority.advance(Context(overlay, Height(height), who("authority0"), PARAMETERS), listed)
    assert authority.DISABLED.get(overlay) == (who("authority0"),)


# --- deciding --------------------------------------------------------------------------------------------------------


def _decided(call: Call, *, authorities: int) -> str:
    return Scratch(World(council_genesis(authorities=authorities))).decide(call)


def test_authorities_change_by_proposal_only() -> None:
    world = World(council_genesis(authorities=3))
    assert world.do("alice", NEXT) == "BadOrigin"
    assert world.do("alice", RemoveAuthority(who("authority0"))) == "BadOrigin"


def test_a_change_waits_for_the_one_before() -> None:
    state = Scratch(_scheduled())
    assert state.decide(_named(*THREE, "x")) == "AuthorityChangePending"
    assert state.decide(RemoveAuthority(who("authority0"))) == "AuthorityChangePending"
    assert state.decide(RemoveAuthority(who("x"))) == "NotAuthority"


def test_a_set_is_sorted_distinct_and_large_enough() -> None:
    a, b, c = sorted(who(name) for name in THREE)
    assert _decided(SetAuthorities(((b, 1), (a, 1), (c, 1))), authorities=3) == "AuthoritiesNotSorted"
    assert _decided(SetAuthorities(((a, 1), (a, 1), (c, 1))), authorities=3) == "AuthoritiesNotSorted"
    assert _decided(SetAuthorities(((a, 1),)), authorities=3) == "TooFewAuthorities"
    assert _decided(_named(*THREE), authorities=3) == "AuthoritiesUnchanged"


@pytest.mark.parametrize(
    ("call", "authorities", "code"),
    [
        (NEXT, 3, ""),
        (_named("authority0", "x", "y"), 3, "AuthorityChangeTooLarge"),
        (_named("authority0", "authority1"), 3, ""),
        (_named("authority0", "authority1", "x"), 2, ""),
        (_named("authority0", "authority1", "x", "y"), 2, "AuthorityChangeTooLarge"),
        (_named(*THREE, weight=2), 3, "AuthorityChangeTooLarge"),
        (_named("authority0", "authority1"), 4, "AuthorityChangeTooLarge"),
        (RemoveAuthority(who("authority0")), 3, ""),
        (RemoveAuthority(who("authority0")), 2, "TooFewAuthorities"),
        (RemoveAuthority(who("mallory")), 3, "NotAuthority"),
    ],
)
def test_at_most_a_third_of_the_weight_leaves_and_at_most_a_third_is_new(
    call: Call, authorities: int, code: str
) -> None:
    assert _decided(call, authorities=authorities) == code


def test_a_devnet_may_change_everything_at_once() -> None:
    world = World(council_genesis(authorities=2))
    overlay = world.overlay()
    system.PARAMETERS.put(overlay, replace(system.PARAMETERS.get(overlay), authority_change_bounded=False))
    state = Scratch(world)
    state.state = overlay
    assert state.decide(_named("x", "y", "z")) == ""
    assert AuthoritiesScheduled(SetId(1), set_hash(_members(_named("x", "y", "z")))) in state.events
