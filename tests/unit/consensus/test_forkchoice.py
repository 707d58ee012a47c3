"""The tree and the choice of the tip: pure functions of the blocks, whatever the order they came in."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from node.consensus.forkchoice import best_tip, worst_leaf
from node.consensus.production import gap_slots
from node.consensus.tree import BlockTree
from node.ledger.header import Block, header_hash
from node.primitives.types import Hash, Slot
from tests.simulation.chain import build
from tests.unit.consensus.helpers import GENESIS, GENESIS_HASH, SET


@dataclass
class Plan:
    """Blocks in an order in which parents precede children."""

    blocks: list[Block]


def grow(choices: list[tuple[int, int]]) -> Plan:
    """Grow a random tree: each block takes an earlier one as parent and a slot some slots later."""
    blocks: list[Block] = []
    for pick, gap in choices:
        parent = GENESIS.header if not blocks or pick == 0 else blocks[pick % len(blocks)].header
        slot = Slot(parent.slot + 1 + gap)
        body = (b"%d" % len(blocks),)
        blocks.append(build(GENESIS_HASH, parent, GENESIS.state, slot, SET.slot_leader(slot), body))
    return Plan(blocks)


def plant(blocks: list[Block]) -> BlockTree[None]:
    tree: BlockTree[None] = BlockTree(GENESIS_HASH, GENESIS.header, None, SET)
    waiting = list(blocks)
    while waiting:
        block = waiting.pop(0)
        if block.header.parent in tree:
            tree.add(header_hash(block.header), block, None, SET)
        else:
            waiting.append(block)
    return tree


trees = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), min_size=1, max_size=25).map(grow)


@settings(max_examples=60)
@given(trees, st.randoms(use_true_random=False), st.integers(0, 24))
def test_the_best_tip_is_the_same_in_every_order_of_arrival(plan: Plan, chance: object, pick: int) -> None:
    preferred = header_hash(plan.blocks[pick % len(plan.blocks)].header)
    shuffled = list(plan.blocks)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    for favourite in (None, preferred, Hash(b"?" * 32)):
        assert best_tip(plant(plan.blocks), favourite).hash == best_tip(plant(shuffled), favourite).hash


@settings(max_examples=60)
@given(trees, st.integers(0, 24))
def test_the_best_tip_is_above_the_preferred_block_and_highest_otherwise(plan: Plan, pick: int) -> None:
    tree = plant(plan.blocks)
    preferred = tree.entry(header_hash(plan.blocks[pick % len(plan.blocks)].header))
    assert tree.descends(best_tip(tree, preferred.hash), preferred)
    assert best_tip(tree, None).height == max(block.header.height for block in plan.blocks)


@settings(max_examples=60)
@given(trees, st.integers(0, 24))
def test_finalising_keeps_descendants_and_names_every_other_block_once(plan: Plan, pick: int) -> None:
    tree = plant(plan.blocks)
    chosen = header_hash(plan.blocks[pick % len(plan.blocks)].header)
    path, dropped = tree.finalise(chosen)
    kept = [entry.hash for leaf in tree.leaves() for entry in tree.branch(leaf.hash)]
    everything = {header_hash(block.header) for block in plan.blocks}
    assert path[-1].hash == chosen == tree.root.hash
    assert {entry.hash for entry in path} | {entry.hash for entry in dropped} | set(kept) == everything
    assert len(path) + len(dropped) + len(set(kept)) == len(everything)
    assert all(entry.block is not None for entry in path)


def test_the_worst_leaf_is_never_the_head_the_preferred_block_or_the_root() -> None:
    plan = grow([(0, 0), (0, 1), (0, 2)])
    tree = plant(plan.blocks)
    leaves = {header_hash(block.header) for block in plan.blocks}
    head, preferred = sorted(leaves)[:2]
    worst = worst_leaf(tree, head, preferred)
    assert worst is not None
    assert worst.hash == (leaves - {head, preferred}).pop()
    tree.remove_leaf(worst.hash)
    assert worst_leaf(tree, head, preferred) is None


def test_gaps_between_blocks_double_beyond_the_cap() -> None:
    assert [gap_slots(backlog) for backlog in (0, 255, 256, 263, 264, 272)] == [1, 1, 2, 2, 4, 8]
    assert gap_slots(10**9) == 2 << 20
