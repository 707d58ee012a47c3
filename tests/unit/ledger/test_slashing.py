"""Bonds and evidence: what convicts an authority, what it costs, who gets what, and what never convicts."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as with_

from node.consensus import evidence as proofs
from node.consensus.certificate import Certificate, LockProof
from node.consensus.messages import Proposal, proposal_message
from node.consensus.votes import Step, Vote, message_of_vote
from node.ledger import errors, queries
from node.ledger import network_queries as network
from node.ledger.calls import (
    BondAuthority,
    Call,
    RemoveAuthority,
    ReportEvidence,
    SetParameter,
    SwapHotkey,
    UnbondAuthority,
    WithdrawUnbonded,
)
from node.ledger.context import Context
from node.ledger.events import AuthorityConvicted, BondSlashed, Proposed
from node.ledger.evidence import read_evidence
from node.ledger.header import UNSIGNED, Header, seal_message
from node.ledger.pallets import bonds, council, slashing, system
from node.ledger.pallets.proposals import open_proposal
from node.primitives.codec import encode
from node.primitives.limits import PROPOSALS_MAX, UNBONDINGS_MAX
from node.primitives.types import Hash, Height, Rao, SetId
from tests.unit.ledger.council import PARAMETERS, council_genesis, decide, identity_of, outcome
from tests.unit.ledger.refusals import refused
from tests.unit.ledger.root import Scratch
from tests.unit.ledger.world import TAO, World, key, who

BOND = 1000 * TAO
BLOCK, OTHER = Hash(b"\1" * 32), Hash(b"\2" * 32)


def _world(authorities: int = 9, *, bonded: int = 0) -> World:
    """Bonds of 1000 τ for the first `bonded` authorities."""
    world = World(council_genesis(authorities=authorities))
    for index in range(bonded):
        assert world.do("val", BondAuthority(who(f"authority{index}"), Rao(BOND))) == ""
    return world


def _vote(world: World, by: str, block: Hash, **changes: int) -> Vote:
    vote = Vote(SetId(0), 1, 0, Step.PREVOTE, world.state.height, block, who(by), UNSIGNED)
    vote = with_(vote, **changes)
    return with_(vote, signature=key(by).sign(message_of_vote(vote, world.genesis_hash)))


def _header(world: World, by: str, root: Hash, **changes: int) -> Header:
    header = with_(world.blocks[-1].header if world.blocks else world.genesis_header, proposer=who(by), state_root=root)
    header = with_(header, **changes)
    return with_(header, signature=key(by).sign(seal_message(world.genesis_hash, header)))


def _proposal(world: World, by: str, block: Hash, proof: tuple[LockProof, ...] = ()) -> Proposal:
    made = Proposal(SetId(0), 1, 2, world.state.height or Height(1), block, proof, who(by), UNSIGNED)
    return with_(made, signature=key(by).sign(proposal_message(made, world.genesis_hash)))


def _two_votes(world: World, by: str = "authority0", **changes: int) -> ReportEvidence:
    pair = proofs.DoubleVote(_vote(world, by, BLOCK, **changes), _vote(world, by, OTHER, **changes))
    return ReportEvidence(proofs.encode_evidence(pair))


def _report(world: World, call: Call, by: str = "mallory") -> list[BondSlashed]:
    """Report in the next block, with success; what was slashed."""
    block = world.block(world.sign(by, call, nonce=queries.nonce(world.state.view, who(by))))
    assert (block.receipts[0].error_code, block.receipts[0].fee_rao) == ("", 0)
    return [event for event in block.events if isinstance(event, BondSlashed)]


# --- bonds -----------------------------------------------------------------------------------------------------------


def test_a_bond_leaves_the_balance_and_comes_back_after_the_unbonding_time() -> None:
    world, hotkey = _world(), who("authority0")
    assert world.do("val", BondAuthority(hotkey, Rao(BOND))) == ""
    before_rao = queries.balance(world.state.view, who("val"))
    assert world.do("val", UnbondAuthority(hotkey, Rao(400 * TAO))) == ""
    asked_at = world.state.height
    shown = network.bond(world.state.view, hotkey)
    assert (shown.active_rao, shown.unbonding) == (600 * TAO, ((400 * TAO, asked_at + 30),))
    assert world.do("val", WithdrawUnbonded(hotkey)) == "NothingUnbonded"
    world.run_to(asked_at + 28)
    assert world.do("val", WithdrawUnbonded(hotkey)) == "NothingUnbonded", "one block too early"
    assert world.do("val", WithdrawUnbonded(hotkey)) == ""
    assert 399 * TAO < queries.balance(world.state.view, who("val")) - before_rao <= 400 * TAO
    assert world.do("val", WithdrawUnbonded(hotkey)) == "NothingUnbonded"


@pytest.mark.parametrize(
    ("by", "call", "code"),
    [
        ("val", BondAuthority(who("nobody"), Rao(1)), "HotKeyAccountNotExists"),
        ("alice", BondAuthority(who("authority0"), Rao(1)), "NonAssociatedColdKey"),
        ("val", BondAuthority(who("authority0"), Rao(0)), "AmountIsZero"),
        ("val", BondAuthority(who("authority0"), Rao(10_000 * TAO)), "InsufficientBalance"),
        ("alice", UnbondAuthority(who("authority0"), Rao(1)), "NonAssociatedColdKey"),
        ("val", UnbondAuthority(who("authority0"), Rao(0)), "AmountIsZero"),
        ("val", UnbondAuthority(who("authority0"), Rao(BOND + 1)), "NotEnoughBond"),
        ("val", UnbondAuthority(who("authority0"), Rao(BOND)), ""),
        ("alice", WithdrawUnbonded(who("authority0")), "NonAssociatedColdKey"),
        ("val", WithdrawUnbonded(who("nobody")), "HotKeyAccountNotExists"),
    ],
)
def test_bonds_fail_by_their_first_reason(by: str, call: Call, code: str) -> None:
    assert _world(bonded=1).do(by, call) == code


def test_only_authorities_have_bonds_smaller_than_a_validators() -> None:
    """Each authority epoch reads every bond: thousands of one rao each would cost a slot."""
    world, least_rao = _world(), PARAMETERS.validator_bond_min_rao
    assert world.do("val", BondAuthority(who("va"), Rao(least_rao - 1))) == "BondTooSmall"
    assert bonds.BONDED.count(world.state.view, bonds.EVERYBODY) == 0
    assert world.do("val", BondAuthority(who("va"), Rao(least_rao))) == ""
    assert world.do("val", BondAuthority(who("va"), Rao(1))) == "", "what is there counts too"
    assert world.do("val", BondAuthority(who("authority0"), Rao(1))) == ""


def test_a_bond_comes_back_in_few_parts_at_a_time() -> None:
    world = _world(bonded=1)
    part = UnbondAuthority(who("authority0"), Rao(1))
    assert [world.do("val", part) for _ in range(UNBONDINGS_MAX + 1)] == [""] * UNBONDINGS_MAX + ["TooManyUnbondings"]


def test_a_key_that_answers_for_something_cannot_be_given_up() -> None:
    world = _world(bonded=1)
    assert world.do("val", BondAuthority(who("va"), Rao(10 * TAO))) == ""
    bonds.require_free(world.state.view, who("vb"))
    for name in ("authority0", "authority8", "va"):
        with pytest.raises(errors.AuthorityIsBonded):
            bonds.require_free(world.state.view, who(name))


# --- what convicts ---------------------------------------------------------------------------------------------------


def test_all_three_kinds_of_evidence_convict() -> None:
    world = _world(bonded=3)
    lock = LockProof(SetId(0), 1, 1, Height(2), BLOCK, b"\xff", (bytes(64), bytes(64)))
    pairs: list[proofs.Evidence] = [
        proofs.DoubleHeader(_header(world, "authority0", BLOCK), _header(world, "authority0", OTHER)),
        proofs.DoubleVote(_vote(world, "authority1", BLOCK), _vote(world, "authority1", OTHER)),
        proofs.DoubleProposal(
            _proposal(world, "authority2", BLOCK, (lock,)), _proposal(world, "authority2", OTHER)
        ),
    ]  # fmt: skip
    for index, pair in enumerate(pairs):
        assert proofs.offender(pair) == who(f"authority{index}")
        assert _report(world, ReportEvidence(proofs.encode_evidence(pair))) != []
    assert set(network.disabled_authorities(world.state.view)) == {who(f"authority{index}") for index in range(3)}


def test_votes_for_a_block_and_for_nothing_convict() -> None:
    world = _world()
    pair = proofs.DoubleVote(_vote(world, "authority0", BLOCK), _vote(world, "authority0", Hash(bytes(32)), height=0))
    _report(world, ReportEvidence(proofs.encode_evidence(pair)))
    assert network.disabled_authorities(world.state.view) == (who("authority0"),)


def test_headers_of_two_sets_are_held_to_the_older_one() -> None:
    world = _world()
    pair = proofs.DoubleHeader(
        _header(world, "authority0", BLOCK, set_id=0), _header(world, "authority0", BLOCK, set_id=1)
    )
    for each in (pair, proofs.DoubleHeader(pair.second, pair.first)):
        assert read_evidence(encode(each), world.genesis_hash).set_id == 0
    _report(world, ReportEvidence(encode(pair)))


def _changed(world: World, **changes: int) -> bytes:
    return encode(proofs.DoubleVote(_vote(world, "authority0", BLOCK), _vote(world, "authority0", OTHER, **changes)))


def test_bytes_that_are_no_evidence_are_refused() -> None:
    world = _world()
    good = _two_votes(world).evidence
    other_kind = encode(proofs.ConflictingCertificates(*[_certificate(world)] * 2))
    for data in (b"\xc0", good + b"\0", good[:-1], b"\x93\x07" + good[2:], other_kind, _changed(world, step=3)):
        assert refused(world, "mallory", ReportEvidence(data)) == "EvidenceMalformed"


def _certificate(world: World) -> Certificate:
    return Certificate(SetId(0), 1, 0, Height(1), BLOCK, b"\1", (bytes(64),))


@pytest.mark.parametrize("changes", [{"instance": 2}, {"round": 1}, {"step": 2}, {"set_id": 1}])
def test_votes_in_different_places_convict_nobody(changes: dict[str, int]) -> None:
    world = _world()
    assert refused(world, "mallory", ReportEvidence(_changed(world, **changes))) == "EvidenceInvalid"


def test_what_an_honest_authority_signs_convicts_nobody() -> None:
    world = _world()
    world.block()
    vote, header = _vote(world, "authority0", BLOCK), _header(world, "authority0", BLOCK)
    proposal = _proposal(world, "authority0", BLOCK)
    later = _header(world, "authority0", OTHER, slot=header.slot + 1)
    resealed = with_(header, signature=bytes(64))
    innocent: list[proofs.Evidence] = [
        proofs.DoubleVote(vote, vote),
        proofs.DoubleVote(vote, with_(vote, signature=bytes(64))),
        proofs.DoubleVote(vote, _vote(world, "authority1", OTHER)),
        proofs.DoubleHeader(header, header),
        proofs.DoubleHeader(header, resealed),
        proofs.DoubleHeader(header, later),
        proofs.DoubleHeader(header, _header(world, "authority1", OTHER)),
        proofs.DoubleProposal(proposal, proposal),
        proofs.DoubleProposal(proposal, _proposal(world, "authority1", OTHER)),
    ]
    for pair in innocent:
        assert refused(world, "mallory", ReportEvidence(encode(pair))) == "EvidenceInvalid"


def test_forged_and_foreign_signatures_convict_nobody() -> None:
    world, foreign = _world(), World(replace(council_genesis(authorities=9), name="other"))
    forged = with_(_vote(world, "mallory", OTHER), voter=who("authority0"))
    pairs = [
        proofs.DoubleVote(_vote(world, "authority0", BLOCK), forged),
        proofs.DoubleVote(forged, _vote(world, "authority0", BLOCK)),
        proofs.DoubleVote(_vote(foreign, "authority0", BLOCK), _vote(foreign, "authority0", OTHER)),
    ]
    for pair in pairs:
        assert refused(world, "mallory", ReportEvidence(encode(pair))) == "EvidenceInvalid"
    assert refused(world, "mallory", _two_votes(world, "mallory")) == "EvidenceInvalid", "no authority"
    assert refused(world, "mallory", _two_votes(world, set_id=7)) == "EvidenceInvalid", "no such set"


def test_evidence_grows_too_old() -> None:
    world = _world(bonded=1)
    call, height = _two_votes(world), world.state.height
    world.run_to(height + 19)
    at_the_end = ReportEvidence(call.evidence)
    late = _world(bonded=1)
    assert late.genesis_hash == world.genesis_hash
    late.run_to(height + 20)
    assert refused(late, "mallory", call) == "EvidenceTooOld"
    assert len(_report(world, at_the_end)) == 1


def test_an_authority_is_convicted_once_whatever_else_it_signed_in_that_set() -> None:
    world = _world(bonded=1)
    first, second = _vote(world, "authority0", BLOCK), _vote(world, "authority0", OTHER)
    call = ReportEvidence(encode(proofs.DoubleVote(first, second)))
    _report(world, call)
    swapped = ReportEvidence(encode(proofs.DoubleVote(second, first)))
    assert read_evidence(call.evidence, world.genesis_hash).identity == (
        read_evidence(swapped.evidence, world.genesis_hash).identity
    )
    for again in (call, swapped, _two_votes(world, round=5)):
        assert refused(world, "mallory", again) == "DuplicateEvidence"


# --- what it costs ---------------------------------------------------------------------------------------------------


def test_a_lone_mistake_in_a_large_set_costs_a_twentieth_of_the_bond() -> None:
    world = _world(authorities=100, bonded=1)
    issuance = [queries.total_issuance(world.state.view)]
    world.block()
    issuance.append(queries.total_issuance(world.state.view))
    [slashed] = _report(world, _two_votes(world))
    assert slashed == BondSlashed(who("authority0"), Rao(BOND // 20), Rao(BOND // 400))
    assert network.bond(world.state.view, who("authority0")).active_rao == BOND - BOND // 20
    assert queries.balance(world.state.view, who("mallory")) == 10_000 * TAO + BOND // 400
    taken = issuance[1] + (issuance[1] - issuance[0]) - queries.total_issuance(world.state.view)
    assert taken == BOND // 20 - BOND // 400, "what the reporter does not get leaves the issuance"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_every_conviction_of_the_window_pays_the_same_part_in_any_order(order: tuple[int, int]) -> None:
    world = _world(authorities=9, bonded=2)
    [first] = _report(world, _two_votes(world, f"authority{order[0]}"))
    assert first.slashed_rao == BOND * 3 // 9
    both = _report(world, _two_votes(world, f"authority{order[1]}"))
    assert sum(event.slashed_rao for event in both) == BOND * 6 // 9 + BOND * 6 // 9 - BOND * 3 // 9
    for index in order:
        assert network.bond(world.state.view, who(f"authority{index}")).active_rao == BOND - BOND * 6 // 9


def test_a_third_of_the_weight_convicted_costs_whole_bonds() -> None:
    world = _world(authorities=9, bonded=3)
    for index in range(3):
        _report(world, _two_votes(world, f"authority{index}"))
    for index in range(3):
        assert network.bond(world.state.view, who(f"authority{index}")).active_rao == 0


def test_convictions_older_than_evidence_do_not_count_together() -> None:
    world = _world(authorities=9, bonded=2)
    _report(world, _two_votes(world, "authority0"))
    world.run_to(world.state.height + 20)
    later = _report(world, _two_votes(world, "authority1"))
    assert [(event.authority, event.slashed_rao) for event in later] == [(who("authority1"), BOND * 3 // 9)]


def test_what_is_unbonding_is_liable_and_the_rest_goes_first() -> None:
    world = _world(authorities=9, bonded=1)
    assert world.do("val", UnbondAuthority(who("authority0"), Rao(900 * TAO))) == ""
    [slashed] = _report(world, _two_votes(world))
    assert slashed.slashed_rao == BOND * 3 // 9
    shown = network.bond(world.state.view, who("authority0"))
    assert (shown.active_rao, shown.disabled) == (0, True)
    assert [amount for amount, _ in shown.unbonding] == [BOND - BOND * 3 // 9]


def test_an_authority_without_a_bond_is_disabled_all_the_same() -> None:
    world = _world()
    assert _report(world, _two_votes(world)) == []
    assert network.disabled_authorities(world.state.view) == (who("authority0"),)


# --- what follows ----------------------------------------------------------------------------------------------------


def test_a_conviction_opens_the_proposal_to_remove_the_authority() -> None:
    world = _world(bonded=1)
    block = world.block(world.sign("mallory", _two_votes(world)))
    removal = RemoveAuthority(who("authority0"))
    offence = read_evidence(_two_votes(world, height=5).evidence, world.genesis_hash)
    convicted = [event for event in block.events if isinstance(event, AuthorityConvicted)]
    assert [(event.authority, event.reporter) for event in convicted] == [(who("authority0"), who("mallory"))]
    assert offence.identity == convicted[0].offence
    assert [event.proposal_hash for event in block.events if isinstance(event, Proposed)] == [identity_of(removal)]
    [shown] = network.proposals(world.state.view)
    assert (shown.call, shown.proposer) == (removal, who("mallory"))


def test_a_conviction_without_room_for_a_proposal_stands() -> None:
    world = _world(bonded=1)
    overlay = world.overlay()
    context = Context(overlay, Height(world.state.height + 1), who("authority0"), system.PARAMETERS.get(overlay))
    for index in range(PROPOSALS_MAX):
        open_proposal(context, who("alice"), bytes([index]), 10)
    slashing.report_evidence(context, who("mallory"), _two_votes(world))
    assert len(council.OPEN.get(overlay)) == PROPOSALS_MAX
    assert bonds.BOND.get(overlay, who("authority0")).total_rao < BOND


def test_an_authority_of_an_earlier_set_still_answers_for_it() -> None:
    world = _world(authorities=3, bonded=3)
    evidence = _two_votes(world, "authority2", height=world.state.height + 19)
    assert outcome(decide(world, RemoveAuthority(who("authority2")))) == ""
    world.block(slots=10)
    world.block(slots=10)
    assert queries.authority_set(world.state.view).set_id == 1
    assert [event.authority for event in _report(world, evidence)] == [who("authority2")]
    assert network.disabled_authorities(world.state.view) == (), "it is no authority any more"
    assert network.proposals(world.state.view) == (), "nobody is to be removed"
    assert refused(world, "mallory", _two_votes(world, "authority2", set_id=1)) == "EvidenceInvalid"


def test_an_offence_in_a_later_set_convicts_anew() -> None:
    world = _world(authorities=4, bonded=4)
    _report(world, _two_votes(world, "authority0"))
    assert outcome(decide(world, RemoveAuthority(who("authority3")))) == ""
    world.block(slots=10)
    world.block(slots=10)
    assert _report(world, _two_votes(world, "authority0", set_id=1)) != []
    assert refused(world, "mallory", _two_votes(world, "authority0", set_id=1)) == "DuplicateEvidence"


def test_an_authoritys_hotkey_cannot_be_swapped_away_from_what_it_signed() -> None:
    world = _world(bonded=1)
    assert world.do("val", SwapHotkey(who("authority0"), who("fresh"), False)) == "AuthorityIsBonded"
    assert world.do("val", SwapHotkey(who("va"), who("fresh"), False)) != "AuthorityIsBonded"


def test_bonds_outlive_what_they_answer_for_whatever_is_decided() -> None:
    state = Scratch(_world())
    assert state.decide(SetParameter(b"unbonding_blocks", 20)) == "InvalidValue"
    assert state.decide(SetParameter(b"unbonding_blocks", 21)) == ""
    assert state.decide(SetParameter(b"evidence_age_blocks", 21)) == "InvalidValue"
