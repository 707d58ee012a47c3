"""How the engine follows one set after another: enacting, both quorums, and the block that goes back.

Seats 0 to 3 are authorities of weight 1, seats 4 to 6 validators of stake 10; keys ascend by seat.
"""

from dataclasses import dataclass, replace

import pytest
from msgspec.structs import replace as with_

from node.consensus.authority import AuthoritySet
from node.consensus.certificate import build_certificate, build_lock_proof, check_certificate
from node.consensus.engine import Engine
from node.consensus.errors import BadCertificate
from node.consensus.events import (
    Anchor,
    BlockReceived,
    CatchUp,
    CertificateReceived,
    Effect,
    Finalised,
    MessageReceived,
    Penalise,
    ProduceBlock,
    Sign,
    Tick,
)
from node.consensus.finality import CastVote, Decide, FinalityEffect, FinalityMachine, Phase, Timer, WantBlock
from node.consensus.messages import Proposal
from node.consensus.slots import SlotClock, Timeouts
from node.consensus.tree import NOTHING_ANNOUNCED
from node.consensus.votes import BlockRef, Step, Vote, message_of_vote
from node.ledger.header import HEADER_VERSION, UNSIGNED, Authority, Block, Header, header_hash, seal_message
from node.primitives.crypto import digest
from node.primitives.errors import LedgerError
from node.primitives.types import ZERO_HASH, AccountId, Hash, Height, SetId, Slot
from tests.simulation.chain import sign, verify
from tests.unit.consensus.helpers import A, B, Blocks, vote

SLOT_MS = 1000
AUTHORITIES = (0, 1, 2)
"""A quorum of authorities."""
VALIDATORS = (4, 5, 6)


def account(seat: int) -> AccountId:
    return AccountId(bytes([seat + 1]) * 32)


def members(weight: int, stake: int) -> tuple[Authority, ...]:
    kinds = [(weight, 0)] * 4 + [(0, stake)] * 3
    return tuple(Authority(account(seat), *powers) for seat, powers in enumerate(kinds) if any(powers))


ALONE = AuthoritySet(SetId(0), members(1, 0))
JOINT = AuthoritySet(SetId(0), members(1, 10))


# --- the vote rule of a joint set ------------------------------------------------------------------------------------


def voter(oracle: Blocks, seat: int = 0) -> FinalityMachine:
    made = FinalityMachine(
        authorities=JOINT, instance=1, me=account(seat), timeouts=Timeouts.for_slot(SLOT_MS), oracle=oracle
    )
    made.on_progress()
    return made


def offer(block: BlockRef, round_number: int = 0, proof: tuple[Vote, ...] = ()) -> Proposal:
    proofs = (build_lock_proof(proof, JOINT),) if proof else ()
    proposer = JOINT.proposer(1, round_number)
    return Proposal(JOINT.set_id, 1, round_number, block.height, block.hash, proofs, proposer, UNSIGNED)


def votes(seats: tuple[int, ...], step: Step, block: BlockRef, round_number: int = 0) -> tuple[Vote, ...]:
    return tuple(vote(seat, step, block, members=JOINT, round_number=round_number) for seat in seats)


def cast(effects: list[FinalityEffect]) -> list[tuple[Step, BlockRef]]:
    return [(effect.vote.step, effect.vote.block) for effect in effects if isinstance(effect, CastVote)]


def feed(machine: FinalityMachine, said: tuple[Vote, ...]) -> list[FinalityEffect]:
    return [effect for each in said for effect in machine.on_vote(each)]


def test_an_ordinary_block_needs_both_quorums_to_be_locked_and_to_be_decided() -> None:
    made = voter(Blocks(offer=A))
    assert cast(made.on_proposal(offer(A))) == [(Step.PREVOTE, A)]
    assert cast(feed(made, votes((1, 2, 3), Step.PREVOTE, A))) == []
    assert cast(feed(made, votes((4, 5), Step.PREVOTE, A))) == []
    assert cast(feed(made, votes((6,), Step.PREVOTE, A))) == [(Step.PRECOMMIT, A)]
    assert not any(isinstance(e, Decide) for e in feed(made, votes((1, 2, 3, 4, 5), Step.PRECOMMIT, A)))
    assert any(isinstance(effect, Decide) for effect in feed(made, votes((6,), Step.PRECOMMIT, A)))


def test_stake_alone_decides_nothing_jointly() -> None:
    made = voter(Blocks(offer=A, aborts={A}))
    effects = feed(made, votes((*VALIDATORS, 1), Step.PRECOMMIT, A))
    assert not any(isinstance(effect, Decide) for effect in effects)


def test_an_abort_block_is_locked_and_decided_by_authorities_alone() -> None:
    made = voter(Blocks(offer=A, aborts={A}))
    made.on_proposal(offer(A))
    assert cast(feed(made, votes((1, 2), Step.PREVOTE, A))) == []
    assert cast(feed(made, votes((3,), Step.PREVOTE, A))) == [(Step.PRECOMMIT, A)]
    assert made.lock is not None
    assert made.lock.block == A
    [decided] = [e for e in feed(made, votes((1, 2, 3), Step.PRECOMMIT, A)) if isinstance(e, Decide)]
    assert decided.certificate.block == A


def test_votes_for_an_abort_block_count_once_the_block_is_here() -> None:
    oracle = Blocks(known=set(), offer=None)
    made = voter(oracle)
    effects = feed(made, votes(AUTHORITIES, Step.PRECOMMIT, A))
    assert WantBlock(A) in effects
    assert not any(isinstance(effect, Decide) for effect in effects)
    oracle.known, oracle.aborts = {A}, {A}
    assert any(isinstance(effect, Decide) for effect in made.on_progress())


def test_prevotes_of_authorities_alone_free_no_lock_for_an_ordinary_block() -> None:
    made = voter(Blocks(offer=A))
    made.on_proposal(offer(A))
    feed(made, votes((1, 2, 3, *VALIDATORS), Step.PREVOTE, A))
    assert made.lock is not None
    made.on_timeout(Timer(0, Phase.PRECOMMIT))
    made.on_timeout(Timer(1, Phase.PROPOSE))
    made.on_timeout(Timer(1, Phase.PREVOTE))
    made.on_timeout(Timer(1, Phase.PRECOMMIT))
    assert made.round == 2
    weak = votes((1, 2, 3), Step.PREVOTE, B, round_number=1)
    assert cast(made.on_proposal(offer(B, 2, weak)))[0][1] != B
    assert made.valid is not None
    assert made.valid.block == A


def test_rounds_go_on_without_validators_so_that_authorities_can_go_back() -> None:
    made = voter(Blocks(offer=A))
    effects = made.on_proposal(offer(A)) + feed(made, votes((1, 2, 3), Step.PREVOTE, A))
    assert any(getattr(effect, "timer", None) == Timer(0, Phase.PREVOTE) for effect in effects)


# --- the engine ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class State:
    """A set, the height that announced the next one, and whether the next block takes the joint phase back."""

    authorities: AuthoritySet
    announced: Height = NOTHING_ANNOUNCED


def execute(state: State, block: Block) -> State:
    header = block.header
    if not header.next_set:
        return replace(state, announced=Height(0)) if b"abort" in block.transactions else state
    if state.announced or b"at once" in block.transactions:
        return State(AuthoritySet(SetId(state.authorities.set_id + 1), header.next_set))
    if header.next_set == state.authorities.members:
        raise LedgerError("The same set again.")
    return replace(state, announced=Height(header.height))


def genesis(authorities: AuthoritySet) -> Anchor[State]:
    header = Header(
        HEADER_VERSION, Height(0), Slot(0), ZERO_HASH, AccountId(bytes(32)), ZERO_HASH, digest("sim-genesis"),
        SetId(0), authorities.hash, (), UNSIGNED,
    )  # fmt: skip
    return Anchor(header, header_hash(header), State(authorities), None)


class Net:
    """One engine and the blocks that others make for it."""

    def __init__(self, authorities: AuthoritySet, seat: int | None = None) -> None:
        self.anchor = genesis(authorities)
        self.states = {self.anchor.hash: self.anchor.state}
        self.headers = {self.anchor.hash: self.anchor.header}
        self.engine: Engine[State] = Engine(
            genesis_hash=self.anchor.hash, clock=SlotClock(0, SLOT_MS), anchor=self.anchor, execute=execute,
            set_of=lambda state: state.authorities, announced_of=lambda state: state.announced,
            me=None if seat is None else account(seat), verify=verify,
        )  # fmt: skip

    def child(self, parent: Hash, slot: int, listed: tuple[Authority, ...] = (), body: bytes = b"x") -> Block:
        state, above = self.states[parent], self.headers[parent]
        proposer = state.authorities.slot_leader(Slot(slot))
        unsigned = Header(
            HEADER_VERSION, Height(above.height + 1), Slot(slot), parent, proposer, ZERO_HASH, ZERO_HASH,
            state.authorities.set_id, state.authorities.hash, listed, UNSIGNED,
        )  # fmt: skip
        header = with_(unsigned, signature=sign(proposer, seal_message(self.anchor.hash, unsigned)))
        block = Block(header, (body,))
        self.states[header_hash(header)] = execute(state, block)
        self.headers[header_hash(header)] = header
        return block

    def give(self, block: Block) -> list[Effect[State]]:
        return self.engine.step(BlockReceived(block, "peer"), block.header.slot * SLOT_MS + SLOT_MS // 2)

    def certify(self, block: Block, seats: tuple[int, ...], instance: int = 1) -> list[Effect[State]]:
        authorities = self.engine.authorities
        signed = []
        for seat in seats:
            ref = BlockRef(header_hash(block.header), block.header.height)
            made = vote(0, Step.PRECOMMIT, ref, instance=instance, members=authorities)
            voter = authorities.members[seat].account
            unsigned = with_(made, voter=voter, signature=UNSIGNED)
            signed.append(with_(unsigned, signature=sign(voter, self._message(unsigned))))
        certificate = build_certificate(signed, authorities)
        return self.engine.step(CertificateReceived(certificate, "peer"), self.now_ms)

    def _message(self, unsigned: Vote) -> bytes:
        return message_of_vote(unsigned, self.anchor.hash)

    @property
    def now_ms(self) -> int:
        return max(header.slot for header in self.headers.values()) * SLOT_MS + SLOT_MS // 2


def hash_of(block: Block) -> Hash:
    return header_hash(block.header)


NEXT = members(1, 0)[:3]


def test_a_block_that_enacts_a_set_waits_until_the_announcing_block_is_final() -> None:
    net = Net(ALONE)
    announcing = net.child(net.anchor.hash, 1, NEXT)
    enacting = net.child(hash_of(announcing), 2, NEXT)
    above = net.child(hash_of(enacting), 3)
    net.give(announcing)
    waiting = net.give(enacting)
    assert CatchUp("peer", Height(1)) in waiting
    assert net.engine.head.hash == hash_of(announcing)
    assert net.engine.waiting_count == 1
    effects = net.certify(announcing, (0, 1, 2))
    assert any(isinstance(effect, Finalised) for effect in effects)
    assert net.engine.head.hash == hash_of(enacting)
    net.give(above)
    assert net.engine.head.hash == hash_of(above)
    assert net.engine.head.authorities.members == NEXT
    assert not any(isinstance(effect, Penalise) for effect in [*waiting, *effects])


def test_a_producer_enacts_only_what_it_knows_to_be_announced_for_good() -> None:
    net = Net(ALONE, seat=2)
    announcing = net.child(net.anchor.hash, 1, NEXT)
    net.give(announcing)

    def asked() -> list[bool]:
        return [e.enact for e in net.engine.step(Tick(), net.now_ms) if isinstance(e, ProduceBlock)]

    net.headers[ZERO_HASH] = with_(announcing.header, slot=Slot(2))
    assert asked() == [False]
    net.certify(announcing, (0, 1, 3))
    net.headers[ZERO_HASH] = with_(announcing.header, slot=Slot(6))
    assert asked() == [True]


def test_the_next_set_decides_only_after_the_old_one_has_finalised_the_enacting_block() -> None:
    net = Net(ALONE)
    announcing = net.child(net.anchor.hash, 1, NEXT)
    net.give(announcing)
    net.certify(announcing, (0, 1, 2))
    enacting = net.child(hash_of(announcing), 2, NEXT)
    above = net.child(hash_of(enacting), 3)
    net.give(enacting)
    net.give(above)
    assert net.engine.authorities.set_id == 0
    net.certify(above, (0, 1, 2), instance=2)
    assert net.engine.authorities.set_id == 1
    assert net.engine.finalised.hash == hash_of(above)


def test_an_orphan_is_judged_by_its_slot_leader_only_when_its_parent_is_here() -> None:
    net = Net(AuthoritySet(SetId(0), ALONE.members, idle=(account(1),), idle_until=Slot(100)))
    first = net.child(net.anchor.hash, 1)
    states = net.states
    states[hash_of(first)] = State(ALONE)  # above it everybody leads again
    second = net.child(hash_of(first), 5)
    assert second.header.proposer == account(1)
    orphaned = net.give(second)
    assert not any(isinstance(effect, Penalise) for effect in orphaned)
    refused = net.give(first)  # by the rules of this engine the leader of slot 5 is another one
    assert any(isinstance(effect, Penalise) for effect in refused)
    assert net.engine.head.hash == hash_of(first)


def test_a_certificate_of_authorities_alone_finalises_an_abort_block_and_nothing_else() -> None:
    net = Net(JOINT)
    ordinary = net.child(net.anchor.hash, 1)
    net.give(ordinary)
    refused = net.certify(ordinary, AUTHORITIES)
    assert not any(isinstance(effect, Finalised) for effect in refused)
    abort = net.child(hash_of(ordinary), 2, members(1, 0), body=b"at once")
    net.give(abort)
    accepted = net.certify(abort, AUTHORITIES)
    assert any(isinstance(effect, Finalised) for effect in accepted)
    assert net.engine.finalised.hash == hash_of(abort)
    assert net.engine.authorities.members == members(1, 0)


def test_a_certificate_of_authorities_alone_waits_for_its_block_and_falls_with_an_ordinary_one() -> None:
    net = Net(JOINT)
    ordinary = net.child(net.anchor.hash, 1)
    waiting = net.certify(ordinary, AUTHORITIES)
    assert not any(isinstance(effect, Finalised | Penalise) for effect in waiting)
    assert not any(isinstance(effect, Finalised) for effect in net.give(ordinary))
    assert net.engine.finalised.header.height == 0
    both = net.certify(ordinary, (*AUTHORITIES, *VALIDATORS))
    assert any(isinstance(effect, Finalised) for effect in both)


def test_who_has_a_branch_with_an_abort_block_proposes_that_block_itself() -> None:
    seat = JOINT.index_of(JOINT.proposer(1, 0))
    net = Net(JOINT, seat=seat)
    abort = net.child(net.anchor.hash, 1, members(1, 0), body=b"at once")
    above = net.child(hash_of(abort), 2)
    net.engine.step(BlockReceived(abort, "peer"), SLOT_MS)
    effects = net.give(above)
    proposed = [e.message.block for e in effects if isinstance(e, Sign) and isinstance(e.message, Proposal)]
    assert proposed == [BlockRef(hash_of(abort), Height(1))]


def test_a_light_check_of_a_certificate_needs_the_header_to_trust_authorities_alone() -> None:
    net = Net(JOINT)
    ordinary = net.child(net.anchor.hash, 1)
    abort = net.child(net.anchor.hash, 2, members(1, 0), body=b"at once")
    for block, holds in ((ordinary, False), (abort, True)):
        ref = BlockRef(hash_of(block), block.header.height)
        quorum = build_certificate(votes(AUTHORITIES, Step.PRECOMMIT, ref), JOINT)
        check_certificate(quorum, JOINT, net.anchor.hash, lambda *_: True, header=None)
        if holds:
            check_certificate(quorum, JOINT, net.anchor.hash, lambda *_: True, header=block.header)
        else:
            with pytest.raises(BadCertificate):
                check_certificate(quorum, JOINT, net.anchor.hash, lambda *_: True, header=block.header)


def test_a_vote_of_another_set_is_ignored_and_costs_nobody_anything() -> None:
    net = Net(ALONE)
    block = net.child(net.anchor.hash, 1)
    net.give(block)
    ref = BlockRef(hash_of(block), Height(1))
    other = vote(0, Step.PREVOTE, ref, members=AuthoritySet(SetId(1), ALONE.members))
    assert not any(isinstance(e, Penalise) for e in net.engine.step(MessageReceived(other, "peer"), net.now_ms))
