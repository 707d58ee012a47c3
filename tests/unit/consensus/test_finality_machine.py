"""The vote rule, one promise at a time. Seats 0 to 3; seat 1 proposes in round 0 of instance 1, seat 2 in round 1."""

import pytest

from node.consensus.finality import (
    CastProposal,
    CastVote,
    Decide,
    Equivocated,
    FinalityEffect,
    FinalityMachine,
    Phase,
    SetTimer,
    Timer,
    WantBlock,
)
from node.consensus.limits import ROUNDS_KEPT_AHEAD, ROUNDS_KEPT_BEHIND
from node.consensus.votes import NIL, BlockRef, Step
from tests.unit.consensus.helpers import A, B, Blocks, lock_proof, machine, proposal, vote


def cast(effects: list[FinalityEffect]) -> list[tuple[Step, BlockRef]]:
    return [(effect.vote.step, effect.vote.block) for effect in effects if isinstance(effect, CastVote)]


def timers(effects: list[FinalityEffect]) -> list[Timer]:
    return [effect.timer for effect in effects if isinstance(effect, SetTimer)]


def voter(seat: int = 0, **more: object) -> FinalityMachine:
    """Return a machine that has entered its first round with block A to decide."""
    made = machine(seat, Blocks(offer=A), **more)  # type: ignore[arg-type]
    made.on_progress()
    return made


def locked_on_a() -> FinalityMachine:
    """Return seat 0 in round 1, locked on A by the prevotes of round 0."""
    made = voter()
    made.on_proposal(proposal(A))
    for seat in (1, 2, 3):
        made.on_vote(vote(seat, Step.PREVOTE, A))
    assert made.lock == lock_proof(A, seats=(1, 2, 3))
    made.on_timeout(Timer(0, Phase.PRECOMMIT))
    assert (made.round, made.phase) == (1, Phase.PROPOSE)
    return made


def test_nothing_is_said_while_there_is_nothing_to_decide() -> None:
    idle = machine(1, Blocks())
    assert idle.on_progress() == []
    assert idle.phase is Phase.IDLE


def test_the_proposer_offers_its_candidate_once() -> None:
    effects = machine(1, Blocks(offer=A)).on_progress()
    assert [effect.proposal.block for effect in effects if isinstance(effect, CastProposal)] == [A]
    made = machine(1, Blocks(offer=A))
    made.on_progress()
    assert not any(isinstance(effect, CastProposal) for effect in made.on_progress())


def test_a_known_block_is_prevoted_and_an_unknown_one_is_asked_for_and_voted_nil_in_time() -> None:
    assert cast(voter().on_proposal(proposal(A))) == [(Step.PREVOTE, A)]
    made = machine(0, Blocks(known={B}, offer=B))
    made.on_progress()
    effects = made.on_proposal(proposal(A))
    assert effects == [WantBlock(A)]
    assert cast(made.on_timeout(Timer(0, Phase.PROPOSE))) == [(Step.PREVOTE, NIL)]


def test_a_block_that_arrives_before_the_timeout_is_prevoted() -> None:
    oracle = Blocks(known=set(), offer=B)
    made = machine(0, oracle)
    made.on_progress()
    made.on_proposal(proposal(A))
    oracle.known.add(A)
    assert cast(made.on_progress()) == [(Step.PREVOTE, A)]


def test_a_quorum_of_prevotes_locks_and_precommits_with_its_proof() -> None:
    made = voter()
    made.on_proposal(proposal(A))
    made.on_vote(vote(0, Step.PREVOTE, A))
    assert cast(made.on_vote(vote(1, Step.PREVOTE, A))) == []
    effects = made.on_vote(vote(2, Step.PREVOTE, A))
    assert [(effect.vote.block, effect.lock) for effect in effects if isinstance(effect, CastVote)] == [
        (A, lock_proof(A))
    ]


def test_a_quorum_of_prevotes_for_an_unknown_block_locks_nothing() -> None:
    made = machine(0, Blocks(known={A}, offer=A))
    made.on_progress()
    made.on_timeout(Timer(0, Phase.PROPOSE))
    for seat in (1, 2, 3):
        effects = made.on_vote(vote(seat, Step.PREVOTE, B))
    assert cast(effects) == []
    assert WantBlock(B) in effects
    assert made.lock is None


def test_nil_prevotes_and_split_prevotes_precommit_nil() -> None:
    made = voter()
    made.on_timeout(Timer(0, Phase.PROPOSE))
    for seat in (0, 1):
        assert cast(made.on_vote(vote(seat, Step.PREVOTE, NIL))) == []
    assert cast(made.on_vote(vote(2, Step.PREVOTE, NIL))) == [(Step.PRECOMMIT, NIL)]
    made = voter()
    made.on_timeout(Timer(0, Phase.PROPOSE))
    effects = [
        effect for seat, block in ((0, NIL), (1, A), (2, B)) for effect in made.on_vote(vote(seat, Step.PREVOTE, block))
    ]
    assert timers(effects) == [Timer(0, Phase.PREVOTE)]
    assert cast(made.on_timeout(Timer(0, Phase.PREVOTE))) == [(Step.PRECOMMIT, NIL)]


@pytest.mark.parametrize("round_number", [0, 3])
def test_a_quorum_of_precommits_decides_in_any_round_and_phase(round_number: int) -> None:
    made = machine(None, Blocks(known=set()))
    for seat in (0, 2):
        made.on_vote(vote(seat, Step.PRECOMMIT, A, round_number=round_number))
    effects = made.on_vote(vote(3, Step.PRECOMMIT, A, round_number=round_number))
    decisions = [effect.certificate for effect in effects if isinstance(effect, Decide)]
    assert [(decision.block, decision.round, decision.bitmap) for decision in decisions] == [(A, round_number, b"\x0d")]
    assert made.on_vote(vote(1, Step.PRECOMMIT, A, round_number=round_number)) == []


def test_precommits_for_nothing_or_for_different_blocks_decide_nothing() -> None:
    made = voter()
    for seat in range(4):
        effects = made.on_vote(vote(seat, Step.PRECOMMIT, NIL))
        assert not any(isinstance(effect, Decide) for effect in effects)
    made = voter()
    for seat, block in ((0, A), (1, A), (2, B), (3, B)):
        assert not any(isinstance(effect, Decide) for effect in made.on_vote(vote(seat, Step.PRECOMMIT, block)))


def test_votes_that_agree_on_the_hash_but_not_on_the_height_are_for_different_blocks() -> None:
    made = voter()
    for seat, height in ((0, A.height), (1, A.height), (2, B.height)):
        effects = made.on_vote(vote(seat, Step.PRECOMMIT, BlockRef(A.hash, height)))
        assert not any(isinstance(effect, Decide) for effect in effects)


def test_a_locked_voter_refuses_another_block() -> None:
    assert cast(locked_on_a().on_proposal(proposal(B, round_number=1))) == [(Step.PREVOTE, NIL)]


def test_a_locked_voter_accepts_its_own_block_again() -> None:
    assert cast(locked_on_a().on_proposal(proposal(A, round_number=1))) == [(Step.PREVOTE, A)]


def test_a_later_proof_frees_a_lock_and_an_earlier_one_does_not() -> None:
    made = voter(lock=lock_proof(A, round_number=2), first_round=4)
    late = proposal(B, round_number=4, proof=lock_proof(B, round_number=3))
    assert cast(made.on_proposal(late)) == [(Step.PREVOTE, B)]
    made = voter(lock=lock_proof(A, round_number=2), first_round=4)
    early = proposal(B, round_number=4, proof=lock_proof(B, round_number=1))
    assert cast(made.on_proposal(early)) == [(Step.PREVOTE, NIL)]


def test_a_lock_survives_a_restart() -> None:
    made = voter(lock=lock_proof(A), first_round=1)
    assert cast(made.on_proposal(proposal(B, round_number=1))) == [(Step.PREVOTE, NIL)]


def test_a_proposer_offers_the_block_that_had_a_quorum_with_its_proof() -> None:
    made = machine(2, Blocks(offer=B))
    for seat in (0, 1, 3):
        made.on_vote(vote(seat, Step.PREVOTE, A))
    effects = made.on_timeout(Timer(0, Phase.PRECOMMIT))
    offers = [effect.proposal for effect in effects if isinstance(effect, CastProposal)]
    assert [(offer.block, offer.proof) for offer in offers] == [(A, (lock_proof(A, seats=(0, 1, 3)),))]


def test_nothing_is_offered_in_a_round_that_has_its_quorum_already() -> None:
    """Somebody else runs this key too and has offered A here; a proof is always of an earlier round."""
    made = machine(2, Blocks(offer=B))
    made.on_progress()
    made.on_proposal(proposal(A, round_number=2, proof=lock_proof(A, round_number=1)))
    effects = made.on_timeout(Timer(0, Phase.PRECOMMIT))
    assert made.round == 1
    assert not any(isinstance(effect, CastProposal) for effect in effects)


def test_one_voter_ahead_is_not_followed_and_two_of_four_are() -> None:
    made = voter()
    made.on_vote(vote(1, Step.PREVOTE, NIL, round_number=10**6))
    assert made.round == 0
    made.on_vote(vote(2, Step.PREVOTE, NIL, round_number=5))
    assert made.round == 5


def test_a_voter_that_is_further_on_counts_as_having_voted_here() -> None:
    made = voter()
    made.on_timeout(Timer(0, Phase.PROPOSE))
    made.on_vote(vote(0, Step.PREVOTE, NIL))
    made.on_vote(vote(1, Step.PREVOTE, NIL))
    effects = made.on_vote(vote(2, Step.PREVOTE, NIL, round_number=1))
    assert timers(effects) == [Timer(0, Phase.PREVOTE)]


def test_old_timers_do_nothing() -> None:
    made = locked_on_a()
    assert made.on_timeout(Timer(0, Phase.PROPOSE)) == []
    assert made.on_timeout(Timer(1, Phase.PREVOTE)) == []
    assert (made.round, made.phase) == (1, Phase.PROPOSE)


def test_a_follower_decides_without_saying_anything() -> None:
    made = machine(None, Blocks(offer=A))
    effects = made.on_progress() + made.on_proposal(proposal(A))
    for seat in (0, 1, 2):
        effects += made.on_vote(vote(seat, Step.PREVOTE, A)) + made.on_vote(vote(seat, Step.PRECOMMIT, A))
    assert not any(isinstance(effect, CastVote | CastProposal) for effect in effects)
    assert any(isinstance(effect, Decide) for effect in effects)


def test_an_equivocation_is_told_once_and_the_first_vote_counts() -> None:
    made = voter()
    made.on_vote(vote(3, Step.PREVOTE, A))
    effects = made.on_vote(vote(3, Step.PREVOTE, B))
    assert [effect.evidence.first.block for effect in effects if isinstance(effect, Equivocated)] == [A]
    assert not made.is_news(vote(3, Step.PREVOTE, BlockRef(B.hash, A.height)))
    assert made.on_vote(vote(3, Step.PREVOTE, B)) == []


def test_repetitions_are_no_news() -> None:
    made = voter()
    made.on_vote(vote(3, Step.PREVOTE, A))
    made.on_proposal(proposal(A))
    assert not made.is_news(vote(3, Step.PREVOTE, A))
    assert not made.is_news(proposal(A))
    assert made.is_news(vote(3, Step.PRECOMMIT, A))


def test_a_flood_of_future_rounds_is_not_kept() -> None:
    made = voter()
    for round_number in range(1, 3000):
        made.on_vote(vote(3, Step.PREVOTE, A, round_number=round_number))
        made.on_vote(vote(3, Step.PRECOMMIT, B, round_number=round_number))
    assert made.round == 0
    assert len(made._book.rounds()) <= ROUNDS_KEPT_AHEAD + ROUNDS_KEPT_BEHIND + 1
