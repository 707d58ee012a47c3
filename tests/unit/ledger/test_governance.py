"""Who decides and how: seats on root and in the Senate, proposals, votes, counts, and what an approved call may do."""

import pytest

from node.ledger import errors, queries
from node.ledger import network_queries as network
from node.ledger.calls import (
    AddMember,
    AddStake,
    AdjustSenate,
    Call,
    CloseProposal,
    DisapproveProposal,
    Propose,
    RemoveMember,
    ResetMembers,
    RootRegister,
    SetHyperparameter,
    SetParameter,
    SwapMember,
    Transfer,
    Vote,
)
from node.ledger.context import Context
from node.ledger.events import (
    Approved,
    Closed,
    DelegateAdded,
    Disapproved,
    Executed,
    MembersReset,
    NeuronRegistered,
    RootSeatLost,
    SenateAdjusted,
    Voted,
)
from node.ledger.origin import Origin
from node.ledger.pallets import council, proposals, root
from node.primitives.codec import encode
from node.primitives.limits import ROOT_SEATS_MAX, SENATE_MAX
from node.primitives.types import AccountId, Height, NetUid, Rao, Uid
from tests.unit.ledger.council import (
    DURATION,
    PARAMETERS,
    SENATORS,
    council_genesis,
    decide,
    identity_of,
    outcome,
    propose,
    stake_on_root,
    vote,
)
from tests.unit.ledger.root import Scratch
from tests.unit.ledger.world import ROOT, SUBNET, TAO, World, who

FEE = SetParameter(b"base_fee_rao", 7)


def _world(senators: int = 3) -> World:
    return World(council_genesis(senators=senators))


def _free(world: World, name: str) -> int:
    return queries.balance(world.state.view, who(name))


# --- from proposal to execution --------------------------------------------------------------------------------------


def test_an_approved_proposal_changes_a_parameter_that_nobody_else_can() -> None:
    world = _world()
    assert world.do("alice", FEE) == "BadOrigin"
    block = decide(world, FEE)
    assert queries.parameters(world.state.view).base_fee_rao == 7
    identity = identity_of(FEE)
    kinds = (Closed, Approved, Executed)
    assert [event for event in block.events if isinstance(event, kinds)] == [
        Closed(identity, 2, 0),
        Approved(identity),
        Executed(identity, b""),
    ]
    assert network.proposals(world.state.view) == ()


def test_an_approved_proposal_may_do_what_a_subnets_owner_may() -> None:
    world = _world()
    assert outcome(decide(world, SetHyperparameter(SUBNET, b"kappa_u16", 30_000))) == ""
    assert queries.subnet(world.state.view, SUBNET).hyperparameters.kappa_u16 == 30_000


def test_a_call_that_fails_leaves_nothing_but_its_code() -> None:
    world = _world()
    call = SetHyperparameter(NetUid(9), b"kappa_u16", 30_000)
    assert outcome(decide(world, call)) == "SubnetNotExists"
    assert council.OPEN.get(world.state.view) == ()


def test_what_a_failing_call_wrote_is_undone_and_its_authority_ends_with_it() -> None:
    world = _world()
    propose(world, FEE)
    overlay = world.overlay()
    council.VOTES.put(overlay, identity_of(FEE), council.Votes((who("va"), who("vb"))))
    context = Context(overlay, Height(9), who("authority0"), PARAMETERS)
    seen: list[tuple[Origin, AccountId]] = []

    def fails(inner: Context, sender: AccountId, call: Call) -> None:
        seen.append((inner.origin, sender))
        council.TRIUMVIRATE.put(inner.state, ())
        inner.emit(MembersReset(()))
        raise errors.LastMember

    proposals.close(context, CloseProposal(identity_of(FEE), 0), fails)
    assert seen == [(Origin.ROOT, proposals.NETWORK)]
    assert context.origin is Origin.SIGNED
    assert len(council.TRIUMVIRATE.get(overlay)) == 3
    assert context.events[-1] == Executed(identity_of(FEE), b"LastMember")
    assert MembersReset(()) not in context.events


def test_an_open_proposal_is_shown_with_its_call_and_votes() -> None:
    world = _world()
    propose(world, FEE)
    vote(world, FEE, 0)
    vote(world, FEE, 2, approve=False)
    [shown] = network.proposals(world.state.view)
    assert (shown.call, shown.index, shown.proposer, shown.threshold) == (FEE, 0, who("alice"), 2)
    assert (shown.ayes, shown.nays, shown.closable) == ((who("va"),), (who("owner-hot"),), False)
    vote(world, FEE, 1)
    assert network.proposals(world.state.view)[0].closable


# --- proposing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "call", "code"),
    [
        ("val", Propose(encode(FEE), DURATION), "NotMember"),
        ("val", Propose(b"x", 0), "NotMember"),
        ("alice", Propose(b"x", DURATION - 1), "DurationLowerThanConfiguredMotionDuration"),
        ("alice", Propose(b"x", DURATION), "ProposalMalformed"),
        ("alice", Propose(encode(FEE) + b"\0", DURATION), "ProposalMalformed"),
        ("alice", Propose(encode(Transfer(who("bob"), Rao(1))), DURATION), "BadOrigin"),
        ("alice", Propose(encode(Propose(encode(FEE), DURATION)), DURATION), "BadOrigin"),
        ("alice", Propose(encode(FEE), DURATION), ""),
        ("alice", Propose(encode(FEE), 2**63 - 1), ""),
    ],
)
def test_proposing_fails_by_its_first_reason(by: str, call: Call, code: str) -> None:
    assert _world().do(by, call) == code


def test_one_call_is_proposed_once_and_ten_are_open_at_most() -> None:
    world = _world()
    calls = [SetParameter(b"base_fee_rao", fee) for fee in range(11)]
    assert [propose(world, call) for call in calls[:10]] == [""] * 10
    assert propose(world, calls[3]) == "DuplicateProposal"
    assert propose(world, calls[10]) == "TooManyActiveProposals"
    assert [shown.index for shown in network.proposals(world.state.view)] == list(range(10))
    world.run_to(world.state.height + DURATION)
    assert world.do("bob", CloseProposal(identity_of(calls[0]), 0)) == ""
    assert propose(world, calls[0]) == "", "a closed proposal may be made again"
    assert network.proposals(world.state.view)[-1].index == 10


# --- voting ----------------------------------------------------------------------------------------------------------


def test_a_vote_may_change_but_not_repeat() -> None:
    world = _world()
    propose(world, FEE)
    assert vote(world, FEE, 0) == ""
    assert vote(world, FEE, 0) == "DuplicateVote"
    block = world.block(world.sign("val", Vote(who("va"), identity_of(FEE), 0, False)))
    assert Voted(who("va"), identity_of(FEE), False, 0, 1) in block.events
    assert vote(world, FEE, 0, approve=False) == "DuplicateVote"


@pytest.mark.parametrize(
    ("by", "hotkey", "index", "code"),
    [
        ("alice", "nobody", 0, "HotKeyAccountNotExists"),
        ("alice", "va", 0, "NonAssociatedColdKey"),
        ("val", "authority0", 0, "NotSenateMember"),
        ("val", "va", 1, "IndexMismatchProposalHash"),
        ("val", "va", 0, ""),
    ],
)
def test_voting_fails_by_its_first_reason(by: str, hotkey: str, index: int, code: str) -> None:
    world = _world()
    propose(world, FEE)
    assert world.do(by, Vote(who(hotkey), identity_of(FEE), index, True)) == code


def test_nobody_votes_on_what_is_not_open() -> None:
    assert vote(_world(), FEE, 0) == "ProposalNotExists"


def test_the_first_vote_costs_no_fee_and_a_change_does() -> None:
    world = _world()
    propose(world, FEE)
    before_rao, producer = _free(world, "val"), _free(world, "authority0")
    receipt = world.block(world.sign("val", Vote(who("va"), identity_of(FEE), 0, True), tip_rao=5)).receipts[0]
    assert (receipt.error_code, receipt.fee_rao) == ("", 5)
    assert _free(world, "val") == before_rao - 5, "a tip is a tip"
    assert _free(world, "authority0") + _free(world, "authority1") >= producer
    changed = world.block(world.sign("val", Vote(who("va"), identity_of(FEE), 0, False))).receipts[0]
    assert changed.fee_rao > 100_000
    failed = world.block(world.sign("val", Vote(who("va"), identity_of(FEE), 0, False))).receipts[0]
    assert (failed.error_code, failed.fee_rao > 100_000) == ("DuplicateVote", True)


# --- counting --------------------------------------------------------------------------------------------------------


def test_a_proposal_closes_early_only_when_its_outcome_is_certain() -> None:
    world = _world()
    propose(world, FEE)
    close = CloseProposal(identity_of(FEE), 0)
    assert world.do("owner", close) == "TooEarlyToCloseProposal"
    vote(world, FEE, 0)
    assert world.do("owner", close) == "TooEarlyToCloseProposal"
    vote(world, FEE, 1, approve=False)
    assert world.do("owner", close) == "TooEarlyToCloseProposal"
    vote(world, FEE, 2, approve=False)
    block = world.block(world.sign("owner", close))
    assert {Closed(identity_of(FEE), 1, 2), Disapproved(identity_of(FEE))} <= set(block.events)
    assert queries.parameters(world.state.view).base_fee_rao != 7


def test_who_has_not_voted_at_the_end_said_no() -> None:
    world = _world()
    propose(world, FEE)
    end = world.state.height + DURATION
    vote(world, FEE, 0)
    world.run_to(end - 2)
    assert world.do("owner", CloseProposal(identity_of(FEE), 0)) == "TooEarlyToCloseProposal", "block end - 1"
    block = world.block(world.sign("owner", CloseProposal(identity_of(FEE), 0)))
    assert Closed(identity_of(FEE), 1, 2) in block.events
    assert Disapproved(identity_of(FEE)) in block.events


def test_closing_names_an_open_proposal_by_hash_and_index() -> None:
    world = _world()
    assert world.do("owner", CloseProposal(identity_of(FEE), 0)) == "ProposalNotExists"
    propose(world, FEE)
    assert world.do("owner", CloseProposal(identity_of(FEE), 1)) == "IndexMismatchProposalHash"


def test_the_threshold_is_that_of_the_day_of_the_proposal() -> None:
    world = _world(senators=1)
    propose(world, FEE)
    assert world.do("val", RootRegister(who("vb"))) == ""
    assert world.do("owner", RootRegister(who("owner-hot"))) == ""
    assert len(network.senate(world.state.view)) == 3
    assert network.proposals(world.state.view)[0].threshold == 1
    vote(world, FEE, 0)
    block = world.block(world.sign("bob", CloseProposal(identity_of(FEE), 0)))
    assert Approved(identity_of(FEE)) in block.events
    assert outcome(block) == "BadOrigin", "approved by the old threshold, but by no majority of today's Senate"
    assert queries.parameters(world.state.view).base_fee_rao != 7


def test_a_majority_is_more_than_half() -> None:
    world = _world(senators=1)
    propose(world, FEE)
    assert world.do("val", RootRegister(who("vb"))) == ""
    vote(world, FEE, 0)
    assert outcome(world.block(world.sign("bob", CloseProposal(identity_of(FEE), 0)))) == "BadOrigin", "one of two"


def test_a_proposal_can_drop_another() -> None:
    world = _world()
    propose(world, FEE)
    drop = DisapproveProposal(identity_of(FEE))
    assert world.do("alice", drop) == "BadOrigin"
    block = decide(world, drop)
    assert outcome(block) == ""
    assert Disapproved(identity_of(FEE)) in block.events
    assert network.proposals(world.state.view) == ()
    assert Scratch(world).decide(drop) == "ProposalNotExists"


# --- the Triumvirate -------------------------------------------------------------------------------------------------


def test_the_triumvirate_changes_by_proposal_only() -> None:
    world = _world()
    for call in (AddMember(who("val")), RemoveMember(who("bob")), SwapMember(who("bob"), who("val"))):
        assert world.do("alice", call) == "BadOrigin"
    assert world.do("alice", ResetMembers((who("val"),))) == "BadOrigin"
    assert outcome(decide(world, SwapMember(who("bob"), who("val")))) == ""
    assert network.triumvirate(world.state.view) == tuple(sorted([who("alice"), who("mallory"), who("val")]))
    assert propose(world, FEE, by="bob") == "NotMember"
    assert propose(world, FEE, by="val") == ""


def test_the_triumvirate_has_one_to_three_distinct_members() -> None:
    state = Scratch(_world())
    assert state.decide(AddMember(who("alice"))) == "AlreadyMember"
    assert state.decide(AddMember(who("val"))) == "TooManyMembers"
    assert state.decide(RemoveMember(who("val"))) == "NotMember"
    assert state.decide(SwapMember(who("val"), who("owner"))) == "NotMember"
    assert state.decide(SwapMember(who("bob"), who("alice"))) == "AlreadyMember"
    assert state.decide(ResetMembers((who("val"), who("val")))) == "AlreadyMember"
    assert state.decide(RemoveMember(who("bob"))) == ""
    assert state.decide(AddMember(who("val"))) == ""
    assert state.decide(RemoveMember(who("val"))) == ""
    assert state.decide(RemoveMember(who("alice"))) == ""
    assert state.decide(RemoveMember(who("mallory"))) == "LastMember"
    assert state.decide(ResetMembers((who("val"), who("owner")))) == ""
    assert council.TRIUMVIRATE.get(state.state) == tuple(sorted([who("val"), who("owner")]))
    assert MembersReset(council.TRIUMVIRATE.get(state.state)) in state.events


# --- seats on root and in the Senate ---------------------------------------------------------------------------------


def test_a_seat_on_root_makes_a_delegate_and_a_senator() -> None:
    world = _world()
    block = world.block(world.sign("alice", RootRegister(who("new"))))
    assert NeuronRegistered(ROOT, Uid(3), who("new"), Rao(0)) in block.events
    assert SenateAdjusted((), who("new")) in block.events
    assert any(isinstance(event, DelegateAdded) for event in block.events)
    hotkey = queries.hotkey(world.state.view, who("new"))
    assert hotkey is not None
    assert (hotkey.coldkey, hotkey.delegate, hotkey.take_u16) == (who("alice"), True, 11_796)
    assert world.do("alice", AddStake(who("new"), ROOT, Rao(5 * TAO))) == ""
    seat = network.root_seats(world.state.view)[3]
    assert (seat.hotkey, seat.coldkey, seat.root_stake_rao, seat.senator) == (who("new"), who("alice"), 5 * TAO, True)


def test_root_takes_one_newcomer_a_block_and_six_in_a_hundred() -> None:
    world = _world()
    block = world.block(world.sign("alice", RootRegister(who("n0"))), world.sign("bob", RootRegister(who("n1"))))
    assert [receipt.error_code for receipt in block.receipts] == ["", "TooManyRegistrationsThisBlock"]
    for index in range(1, 6):
        assert world.do("alice", RootRegister(who(f"n{index}"))) == ""
    assert world.do("alice", RootRegister(who("n6"))) == "TooManyRegistrationsThisInterval"
    late = Scratch(world, height=99)
    assert late.do("alice", RootRegister(who("n6"))) == "TooManyRegistrationsThisInterval"
    assert Scratch(world, height=100).do("alice", RootRegister(who("n6"))) == ""


def test_a_hotkey_has_one_seat_on_root_and_belongs_to_its_coldkey() -> None:
    world = _world()
    assert world.do("val", RootRegister(who("va"))) == "HotKeyAlreadyRegisteredInSubNet"
    assert world.do("alice", RootRegister(who("authority0"))) == "NonAssociatedColdKey"
    assert world.do("val", RootRegister(who("authority0"))) == ""


def _full_root(world: World, *, stake_rao: int) -> Scratch:
    """Every seat taken; the three of genesis hold 100 τ each, the others `stake_rao`."""
    state = Scratch(world)
    for coldkey, hotkey in SENATORS:
        stake_on_root(state.state, coldkey, hotkey, 100 * TAO)
    for index in range(ROOT_SEATS_MAX - 3):
        stake_on_root(state.state, "val", f"r{index}", stake_rao)
        root.append_seat(state.state, who(f"r{index}"), Height(0))
    return state


def test_a_full_root_gives_the_first_of_its_least_seats_to_strictly_more_stake() -> None:
    state = _full_root(_world(), stake_rao=TAO)
    stake_on_root(state.state, "alice", "equal", TAO)
    assert state.do("alice", RootRegister(who("equal"))) == "StakeTooLowForRoot"
    stake_on_root(state.state, "alice", "more", TAO + 1)
    assert state.do("alice", RootRegister(who("more"))) == ""
    assert RootSeatLost(who("r0")) in state.events
    assert root.seat_of(state.state, who("more")) == 3
    assert root.seat_of(state.state, who("r0")) is None
    assert len(root.SEATS.get(state.state)) == ROOT_SEATS_MAX


def _full_senate(state: Scratch) -> list[str]:
    """Twelve senators: those of genesis with 100 τ, nine with 10, 11, … 18 and once more 10 τ."""
    names = [f"s{index}" for index in range(SENATE_MAX - 3)]
    for index, name in enumerate(names):
        stake_on_root(state.state, "val", name, (10 + index % 8) * TAO)
        root.append_seat(state.state, who(name), Height(0))
        assert state.do("val", AdjustSenate(who(name))) == ""
    return names


def test_a_full_senate_gives_its_least_seat_to_strictly_more_stake_and_erases_its_votes() -> None:
    world = _world()
    state = Scratch(world)
    for coldkey, hotkey in SENATORS:
        stake_on_root(state.state, coldkey, hotkey, 100 * TAO)
    _full_senate(state)
    least = max(who("s0"), who("s8"))  # of two with 10 τ the later one in the list
    assert state.do("alice", Propose(encode(FEE), DURATION)) == ""
    for name in ("s0", "s8"):
        assert state.do("val", Vote(who(name), identity_of(FEE), 0, True)) == ""
    stake_on_root(state.state, "alice", "new", 10 * TAO)
    root.append_seat(state.state, who("new"), Height(0))
    assert state.do("alice", AdjustSenate(who("new"))) == "StakeTooLowForRoot"
    stake_on_root(state.state, "alice", "new", 1)
    assert state.do("alice", AdjustSenate(who("new"))) == ""
    assert SenateAdjusted((least,), who("new")) in state.events
    assert council.VOTES.get(state.state, identity_of(FEE)).ayes == (min(who("s0"), who("s8")),)
    assert len(council.SENATE.get(state.state)) == SENATE_MAX
    assert state.do("alice", AdjustSenate(who("new"))) == "StakeTooLowForRoot", "a senator already: nothing changes"


def test_the_senate_takes_hotkeys_on_root_from_their_owners() -> None:
    state = Scratch(_world())
    assert state.do("alice", AdjustSenate(who("nobody"))) == "HotKeyAccountNotExists"
    assert state.do("alice", AdjustSenate(who("va"))) == "NonAssociatedColdKey"
    assert state.do("val", AdjustSenate(who("authority0"))) == "HotKeyNotRegisteredInSubNet"


def test_who_loses_the_seat_on_root_stays_senator() -> None:
    state = _full_root(_world(), stake_rao=200 * TAO)
    stake_on_root(state.state, "alice", "new", 101 * TAO)
    assert state.do("alice", RootRegister(who("new"))) == ""
    assert RootSeatLost(who("va")) in state.events
    assert council.is_senator(state.state, who("va"))


def test_a_successor_key_takes_the_seats_and_not_the_votes() -> None:
    state = Scratch(_world())
    assert state.do("alice", Propose(encode(FEE), DURATION)) == ""
    assert state.do("val", Vote(who("va"), identity_of(FEE), 0, True)) == ""
    stake_on_root(state.state, "val", "va2", TAO)
    root.swap_hotkey(state.state, who("va"), who("va2"))
    assert root.seat_of(state.state, who("va2")) == 0
    assert root.seat_of(state.state, who("va")) is None
    assert council.is_senator(state.state, who("va2"))
    assert not council.is_senator(state.state, who("va"))
    assert council.VOTES.get(state.state, identity_of(FEE)) == council.Votes()
