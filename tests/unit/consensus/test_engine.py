"""The engine against hostile, early, late and broken input; the simulator covers whole networks."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from msgspec.structs import replace

from node.consensus import blocks as blocks_module
from node.consensus.certificate import build_certificate
from node.consensus.engine import Engine
from node.consensus.events import (
    Anchor,
    BlockReceived,
    CatchUp,
    CertificateReceived,
    CertifiedBlocks,
    Effect,
    EvidenceFound,
    Finalised,
    MessageReceived,
    NeedBlocks,
    NewHead,
    Penalise,
    ProduceBlock,
    Publish,
    SealedBlock,
    Sign,
    Signed,
    StoreBlocks,
    Tick,
)
from node.consensus.evidence import ConflictingCertificates, DoubleHeader
from node.consensus.limits import HELD_BLOCKS_MAX, ORPHANS_MAX
from node.consensus.messages import Proposal
from node.consensus.slots import SlotClock
from node.consensus.votes import BlockRef, Step, Vote
from node.ledger.header import Block, Header, header_hash
from node.primitives.types import AccountId, Hash, Height, Slot
from tests.simulation.chain import State, build, execute, seal, verify
from tests.unit.consensus.helpers import GENESIS, GENESIS_HASH, SET, certificate, lock_proof, proposal, vote

SLOT_MS = 1000


def engine(seat: int | None = None, *, anchor: Anchor[State] = GENESIS, signed: Signed | None = None) -> Engine[State]:
    me = None if seat is None else SET.members[seat].account
    return Engine(
        genesis_hash=GENESIS_HASH, clock=SlotClock(0, SLOT_MS), anchor=anchor, execute=execute,
        set_of=lambda state: state.authorities, me=me, verify=verify, signed=signed,
    )  # fmt: skip


def child(parent: Header = GENESIS.header, *, slot: int, before: Sequence[Block] = (), body: bytes = b"x") -> Block:
    """Return the block of `slot` on `parent`, whose branch is `before`."""
    state = GENESIS.state
    for block in before:
        state = execute(state, block)
    return build(GENESIS_HASH, parent, state, Slot(slot), SET.slot_leader(Slot(slot)), (body,))


def chain(length: int, *, body: bytes = b"x") -> list[Block]:
    blocks: list[Block] = []
    for slot in range(1, length + 1):
        parent = blocks[-1].header if blocks else GENESIS.header
        blocks.append(child(parent, slot=slot, before=blocks, body=body))
    return blocks


def ref(block: Block) -> BlockRef:
    return BlockRef(header_hash(block.header), block.header.height)


def kinds(effects: Sequence[Effect[State]]) -> list[str]:
    return [type(effect).__name__ for effect in effects]


def penalties(effects: Sequence[Effect[State]]) -> list[str]:
    return [effect.reason for effect in effects if isinstance(effect, Penalise)]


def test_a_valid_block_is_stored_and_becomes_the_head() -> None:
    (block,) = chain(1)
    effects = engine().step(BlockReceived(block, "p"), SLOT_MS)
    assert effects[0] == StoreBlocks((block,))
    heads = [effect for effect in effects if isinstance(effect, NewHead)]
    assert [(head.height, head.applied, head.undone) for head in heads] == [(1, (block,), ())]


def test_a_repeated_block_does_nothing_and_a_stored_one_is_not_stored_again() -> None:
    (block,) = chain(1)
    made = engine()
    made.step(BlockReceived(block, "p"), SLOT_MS)
    assert made.step(BlockReceived(block, "q"), SLOT_MS) == []


def test_blocks_that_break_a_rule_cost_their_sender() -> None:
    good = child(slot=1)
    wrong_leader = seal(GENESIS_HASH, replace(good.header, proposer=SET.slot_leader(Slot(2))), good.transactions)
    forged = replace(good, header=replace(good.header, signature=bytes(64)))
    wrong_root = seal(GENESIS_HASH, replace(good.header, state_root=Hash(bytes(32))), good.transactions)
    wrong_height = seal(GENESIS_HASH, replace(good.header, height=Height(2)), good.transactions)
    wrong_set = seal(GENESIS_HASH, replace(good.header, set_id=SET.set_id + 1), good.transactions)
    for bad in (wrong_leader, forged, wrong_root, wrong_height, wrong_set):
        made = engine()
        effects = made.step(BlockReceived(bad, "p"), SLOT_MS)
        assert kinds(effects) == ["Penalise"]
        assert made.unfinalised_count == 0


def test_a_child_in_its_parents_slot_is_refused() -> None:
    (parent,) = chain(1)
    next_slot = child(parent.header, slot=2, before=[parent])
    header = replace(next_slot.header, slot=Slot(1), proposer=SET.slot_leader(Slot(1)))
    twin = seal(GENESIS_HASH, header, next_slot.transactions)
    made = engine()
    made.step(BlockReceived(parent, "p"), 2 * SLOT_MS)
    assert "slot" in penalties(made.step(BlockReceived(twin, "p"), 2 * SLOT_MS))[0]


def test_a_wrong_body_under_an_honest_header_does_not_poison_the_block() -> None:
    (block,) = chain(1)
    made = engine()
    spoiled = replace(block, transactions=(b"spoiled",))
    assert penalties(made.step(BlockReceived(spoiled, "liar"), SLOT_MS))
    assert made.step(BlockReceived(spoiled, "liar"), SLOT_MS) == []  # executed once only
    assert kinds(made.step(BlockReceived(block, "p"), SLOT_MS))[0] == "StoreBlocks"


def test_a_block_up_to_a_quarter_slot_early_waits_and_an_earlier_one_is_refused() -> None:
    (block,) = chain(1)
    made = engine()
    assert penalties(made.step(BlockReceived(block, "p"), 749))
    assert made.step(BlockReceived(block, "p"), 750) == []
    assert made.next_deadline_ms == SLOT_MS
    assert kinds(made.step(Tick(), SLOT_MS)) == ["StoreBlocks", "NewHead"]


def test_a_branch_that_arrives_newest_first_asks_for_what_is_missing_and_joins() -> None:
    blocks = chain(4)
    made = engine()
    asked = [
        effect
        for block in reversed(blocks[1:])
        for effect in made.step(BlockReceived(block, "p"), 5 * SLOT_MS)
        if isinstance(effect, NeedBlocks)
    ]
    assert [need.missing for need in asked] == [header_hash(block.header) for block in reversed(blocks[:3])]
    effects = made.step(BlockReceived(blocks[0], "p"), 5 * SLOT_MS)
    assert effects[0] == StoreBlocks(tuple(blocks))
    assert made.waiting_count == 0


def test_a_missing_parent_is_asked_for_again_and_then_forgotten() -> None:
    made = engine()
    made.step(BlockReceived(chain(2)[1], "p"), 2 * SLOT_MS)
    again = sum("NeedBlocks" in kinds(made.step(Tick(), slot * SLOT_MS)) for slot in range(3, 40))
    assert 1 <= again <= 10


def test_orphans_early_blocks_and_siblings_stay_bounded() -> None:
    made = engine()
    leader_slots = range(1, 3 * ORPHANS_MAX)
    for slot in leader_slots:
        far = child(slot=slot, body=b"far")
        orphan = seal(GENESIS_HASH, replace(far.header, parent=Hash(b"?" * 32), height=Height(9)), far.transactions)
        made.step(BlockReceived(orphan, "p"), 3 * ORPHANS_MAX * SLOT_MS)
    assert made.waiting_count <= ORPHANS_MAX + HELD_BLOCKS_MAX
    made = engine()
    for number in range(50):
        made.step(BlockReceived(child(slot=1, body=b"%d" % number), "p"), SLOT_MS)
    assert made.unfinalised_count == 2


def test_two_blocks_for_one_slot_are_evidence() -> None:
    made = engine()
    made.step(BlockReceived(child(slot=1, body=b"1"), "p"), SLOT_MS)
    effects = made.step(BlockReceived(child(slot=1, body=b"2"), "p"), SLOT_MS)
    found = [effect.evidence for effect in effects if isinstance(effect, EvidenceFound)]
    assert [type(evidence) for evidence in found] == [DoubleHeader]


def test_the_head_does_not_depend_on_the_order_of_arrival() -> None:
    one, two = child(slot=1, body=b"1"), child(slot=2, body=b"2")
    heads = set()
    for order in ((one, two), (two, one)):
        made = engine()
        for block in order:
            made.step(BlockReceived(block, "p"), 3 * SLOT_MS)
        heads.add(made.head.hash)
    assert heads == {header_hash(one.header)}  # same height: the lower slot


def test_a_reorganisation_names_what_left_and_what_joined() -> None:
    late = child(slot=3, body=b"late")
    blocks = chain(2)
    made = engine()
    made.step(BlockReceived(late, "p"), 4 * SLOT_MS)
    made.step(BlockReceived(blocks[0], "p"), 4 * SLOT_MS)
    effects = made.step(BlockReceived(blocks[1], "p"), 4 * SLOT_MS)
    heads = [effect for effect in effects if isinstance(effect, NewHead)]
    assert [(head.undone, head.applied) for head in heads] == [((), (blocks[1],))]
    assert made.head.height == 2


def test_a_leader_is_asked_for_one_block_a_slot_and_its_block_is_published() -> None:
    seat = 1  # leads slot 1
    made = engine(seat)
    assert made.next_deadline_ms == SLOT_MS
    effects = made.step(Tick(), SLOT_MS)
    assert effects == [ProduceBlock(Slot(1), GENESIS_HASH, empty=False, enact=True)]
    assert made.step(Tick(), SLOT_MS + 1) == []
    (block,) = chain(1)
    state = execute(GENESIS.state, block)
    assert kinds(made.step(SealedBlock(block, state), SLOT_MS + 2)) == ["StoreBlocks", "Publish", "NewHead"]


def test_a_lone_authority_finalises_at_once() -> None:
    from tests.simulation.network import Faults
    from tests.simulation.world import World

    world = World(1, 1, faults=Faults()).start()
    world.run_slots(3)
    delays = [at % SLOT_MS for at in world.nodes["a0"].finalised_at_ms]
    assert delays
    assert max(delays) < SLOT_MS // 4


def test_a_certificate_finalises_a_known_block_with_its_ancestors_and_drops_the_fork() -> None:
    blocks = chain(2)
    fork = child(slot=3, body=b"fork")
    made = engine()
    for block in (*blocks, fork):
        made.step(BlockReceived(block, "p"), 3 * SLOT_MS)
    effects = made.step(CertificateReceived(certificate(ref(blocks[1])), "p"), 3 * SLOT_MS)
    (final,) = [effect for effect in effects if isinstance(effect, Finalised)]
    assert final.blocks == tuple(blocks)
    assert final.dropped == (header_hash(fork.header),)
    assert (made.finalised.hash, made.position) == (ref(blocks[1]).hash, (2, 0))
    assert made.step(BlockReceived(fork, "p"), 3 * SLOT_MS) == []


def test_a_block_that_lost_its_place_in_a_full_tree_and_becomes_final_is_not_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The store would refuse to make final what it is told to drop, and the node would end."""
    monkeypatch.setattr(blocks_module, "TREE_BLOCKS_MAX", 2)
    longer, fork = chain(2), child(slot=3, body=b"fork")
    made = engine()
    for block in (fork, *longer):
        made.step(BlockReceived(block, "p"), 3 * SLOT_MS)
    assert made.unfinalised(ref(fork).hash) is None
    effects = made.step(CertifiedBlocks((fork,), certificate(ref(fork)), "p"), 3 * SLOT_MS)
    (final,) = [effect for effect in effects if isinstance(effect, Finalised)]
    assert final.hashes == (ref(fork).hash,)
    assert set(final.dropped) == {ref(block).hash for block in longer}


def test_a_finalised_block_is_never_reverted_by_a_longer_fork() -> None:
    blocks = chain(1)
    made = engine()
    made.step(BlockReceived(blocks[0], "p"), 2 * SLOT_MS)
    made.step(CertificateReceived(certificate(ref(blocks[0])), "p"), 2 * SLOT_MS)
    fork: list[Block] = []
    for slot in range(2, 8):
        parent = fork[-1].header if fork else GENESIS.header
        fork.append(child(parent, slot=slot, before=fork, body=b"fork"))
        made.step(BlockReceived(fork[-1], "p"), 9 * SLOT_MS)
    assert made.head.hash == made.finalised.hash == ref(blocks[0]).hash


def test_a_certificate_of_an_unknown_block_waits_for_it() -> None:
    (block,) = chain(1)
    made = engine()
    effects = made.step(CertificateReceived(certificate(ref(block)), "p"), SLOT_MS)
    assert effects == [NeedBlocks(ref(block).hash, "p"), CatchUp("p", Height(1))]
    assert "CatchUp" in kinds(made.step(Tick(), 3 * SLOT_MS))  # it asks again
    assert "Finalised" in kinds(made.step(BlockReceived(block, "p"), 3 * SLOT_MS))


def test_a_forged_certificate_costs_its_sender() -> None:
    (block,) = chain(1)
    made = engine()
    made.step(BlockReceived(block, "p"), SLOT_MS)
    forged = replace(certificate(ref(block)), signatures=(bytes(64),) * 3)
    assert kinds(made.step(CertificateReceived(forged, "p"), SLOT_MS)) == ["Penalise"]
    assert made.finalised.hash == GENESIS_HASH


def test_a_certified_stretch_is_finalised_and_a_broken_one_is_not() -> None:
    blocks = chain(5)
    seal_of = certificate(ref(blocks[4]), instance=3)
    made = engine()
    assert penalties(made.step(CertifiedBlocks(tuple(blocks[:2] + blocks[3:]), seal_of, "p"), SLOT_MS))
    assert penalties(made.step(CertifiedBlocks(tuple(blocks[:4]), seal_of, "p"), SLOT_MS))
    spoiled = (replace(blocks[0], transactions=(b"spoiled",)), *blocks[1:])
    assert penalties(made.step(CertifiedBlocks(spoiled, seal_of, "p"), SLOT_MS))
    effects = made.step(CertifiedBlocks(tuple(blocks), seal_of, "p"), SLOT_MS)
    assert [effect.blocks for effect in effects if isinstance(effect, Finalised)] == [tuple(blocks)]
    assert not any(isinstance(effect, StoreBlocks) for effect in effects)
    assert made.position == (4, 0)


def test_a_certificate_against_the_finalised_chain_is_reported_not_followed() -> None:
    ours, theirs = chain(1), chain(2, body=b"other")
    made = engine()
    made.step(CertifiedBlocks(tuple(ours), certificate(ref(ours[0])), "p"), SLOT_MS)
    other = certificate(ref(theirs[1]), instance=2)
    blocks = tuple(block for block in theirs)
    effects = made.step(CertifiedBlocks(blocks, other, "p"), SLOT_MS)
    assert made.finalised.hash == ref(ours[0]).hash
    assert not any(isinstance(effect, Finalised) for effect in effects)
    third = [*theirs, child(theirs[1].header, slot=3, before=theirs, body=b"other")]
    effects = made.step(CertifiedBlocks((third[1], third[2]), certificate(ref(third[2]), instance=2), "p"), SLOT_MS)
    found = [effect.evidence for effect in effects if isinstance(effect, EvidenceFound)]
    assert [type(evidence) for evidence in found] == [ConflictingCertificates]


@pytest.mark.parametrize("step", list(Step))
def test_forged_votes_cost_their_sender_and_count_for_nothing(step: Step) -> None:
    made = engine(0)
    forged = replace(vote(1, step, ref(chain(1)[0])), signature=bytes(64))
    assert kinds(made.step(MessageReceived(forged, "p"), SLOT_MS)) == ["Penalise"]


def test_votes_far_ahead_lead_to_catching_up_once_a_slot_and_are_not_kept() -> None:
    made = engine(0)
    block = BlockRef(Hash(b"z" * 32), Height(9))
    calls = 0
    for instance in range(3, 200):
        effects = made.step(MessageReceived(vote(1, Step.PREVOTE, block, instance=instance), "p"), 500)
        calls += kinds(effects).count("CatchUp")
    assert calls == 1
    assert len(made._voting._next_instance) == 0


def test_votes_of_the_next_instance_are_kept_for_a_moment_and_bounded() -> None:
    made = engine(None)
    blocks = chain(2)
    made.step(BlockReceived(blocks[0], "p"), 2 * SLOT_MS)
    made.step(BlockReceived(blocks[1], "p"), 2 * SLOT_MS)
    for seat in (0, 1, 2):
        for round_number in range(30):
            message = vote(seat, Step.PRECOMMIT, ref(blocks[1]), instance=2, round_number=round_number)
            made.step(MessageReceived(message, "p"), 2 * SLOT_MS)
    assert sum(len(kept) for kept in made._voting._next_instance.values()) == 12
    effects = made.step(CertificateReceived(certificate(ref(blocks[0])), "p"), 2 * SLOT_MS)
    assert [effect.certificate.instance for effect in effects if isinstance(effect, Finalised)] == [1, 2]


def test_own_votes_are_published_and_repeated_with_growing_pauses_while_nothing_is_decided() -> None:
    made = engine(0)
    (block,) = chain(1)
    made.step(BlockReceived(block, "p"), SLOT_MS)
    effects = made.step(Tick(), SLOT_MS + 250) + made.step(Tick(), SLOT_MS + 550)
    (asked,) = [effect.message for effect in effects if isinstance(effect, Sign)]
    assert isinstance(asked, Vote)
    mine = vote(0, asked.step, asked.block)
    assert made.step(MessageReceived(mine, None), SLOT_MS + 551)[0] == Publish(mine)
    now = SLOT_MS + 551
    repeated = []
    while now < 40 * SLOT_MS and made.next_deadline_ms is not None:
        now = made.next_deadline_ms
        repeated += [now for effect in made.step(Tick(), now) if effect == Publish(mine)]
    pauses = [after - before for before, after in pairwise(repeated)]
    assert 8 <= len(repeated) <= 20
    assert max(pauses) <= 4 * SLOT_MS


def test_who_votes_on_what_is_decided_is_sent_the_certificate() -> None:
    (block,) = chain(1)
    made = engine(0)
    made.step(BlockReceived(block, "p"), SLOT_MS)
    done = certificate(ref(block))
    made.step(CertificateReceived(done, "p"), SLOT_MS)
    late = MessageReceived(vote(3, Step.PREVOTE, ref(block)), "p")
    assert made.step(late, SLOT_MS + 100) == []  # late, not lost
    assert Publish(done) in made.step(late, SLOT_MS + 700)
    assert Publish(done) not in made.step(late, SLOT_MS + 800)


def test_a_restarted_voter_goes_on_after_what_it_signed_and_keeps_its_lock() -> None:
    blocks = [child(slot=1, body=b"1"), child(slot=2, body=b"2")]
    locked = lock_proof(ref(blocks[0]), round_number=1)
    made = engine(0, signed=Signed(1, 3, locked))
    assert made.position == (1, 4)
    for block in blocks:
        made.step(BlockReceived(block, None), 3 * SLOT_MS)
    proposer = SET.proposer(1, 4)
    assert proposer != SET.members[0].account
    stale = engine(0, signed=Signed(7, 3, locked))
    assert stale.position == (1, 0)


def test_the_wrong_proposer_is_refused() -> None:
    (block,) = chain(1)
    made = engine(0)
    fake = Proposal(
        SET.set_id, 1, 0, Height(1), ref(block).hash, (), AccountId(SET.members[3].account), bytes(64)
    )  # fmt: skip
    assert kinds(made.step(MessageReceived(fake, "p"), SLOT_MS)) == ["Penalise"]


def test_time_that_runs_backwards_changes_nothing() -> None:
    made = engine(1)
    made.step(Tick(), SLOT_MS)
    assert made.step(Tick(), 0) == []


def test_an_anchor_with_a_certificate_continues_its_instances() -> None:
    (block,) = chain(1)
    votes = [vote(seat, Step.PRECOMMIT, ref(block), instance=8) for seat in (1, 2, 3)]
    anchor = Anchor(block.header, ref(block).hash, execute(GENESIS.state, block), build_certificate(votes, SET))
    assert engine(0, anchor=anchor).position == (9, 0)


def test_an_orphan_enters_when_its_parent_comes_with_a_certificate() -> None:
    """It could not be asked for again while it waited, and who is locked on it would wait for ever."""
    first, second = chain(2)
    node = engine()
    node.step(BlockReceived(second, "peer"), 3 * SLOT_MS)
    assert node.waiting_count == 1
    node.step(CertifiedBlocks((first,), certificate(ref(first)), "peer"), 3 * SLOT_MS)
    assert node.finalised.hash == ref(first).hash
    assert node.head.hash == ref(second).hash
    assert node.waiting_count == 0


def test_who_names_an_orphan_has_its_missing_ancestor_asked_for_again() -> None:
    """Asking stops after a few tries; a vote for the orphan, which is here, must start it again."""
    first, second = chain(2)
    node = engine()
    effects = node.step(BlockReceived(second, "peer"), 3 * SLOT_MS)
    assert NeedBlocks(ref(first).hash, "peer") in effects
    for slot in range(4, 20):
        node.step(Tick(), slot * SLOT_MS)
    assert not any(isinstance(effect, NeedBlocks) for effect in node.step(Tick(), 20 * SLOT_MS))
    effects = node.step(MessageReceived(proposal(ref(second)), "peer"), 21 * SLOT_MS)
    assert [effect.missing for effect in effects if isinstance(effect, NeedBlocks)] == [ref(first).hash]
