"""Committed roots: who may commit to what, how often, and how long it is kept."""

from msgspec.structs import replace

from node.ledger import network_queries as network
from node.ledger import queries
from node.ledger.calls import BurnedRegister, CommitIndexRoot, CommitReceiptRoot
from node.ledger.events import IndexRootCommitted, ReceiptRootCommitted
from node.ledger.pallets import roots
from node.primitives.limits import RECEIPT_EPOCHS_KEPT
from node.primitives.types import Hash, Height, NetUid
from tests.unit.ledger.refusals import refused
from tests.unit.ledger.world import SUBNET, TEST_PARAMETERS, World, hyper, small_genesis, who

A, B = Hash(b"\1" * 32), Hash(b"\2" * 32)


def _epoch(world: World) -> int:
    """The subnet's epoch in the next block; its tempo is 10 and its netuid 1."""
    return (world.state.height + 1 + 2) // 11


def test_receipts_are_committed_once_during_their_epoch_or_the_next() -> None:
    world = World()
    world.run_to(19)
    assert _epoch(world) == 2
    assert refused(world, "va", CommitReceiptRoot(SUBNET, 0, A, 5)) == "ReceiptEpochOutOfBounds"
    assert refused(world, "va", CommitReceiptRoot(SUBNET, 3, A, 5)) == "ReceiptEpochOutOfBounds"
    block = world.block(world.sign("va", CommitReceiptRoot(SUBNET, 1, A, 5)))
    assert ReceiptRootCommitted(SUBNET, who("va"), 1, A) in block.events
    assert block.receipts[0].fee_rao == 0
    assert refused(world, "va", CommitReceiptRoot(SUBNET, 1, B, 6)) == "ReceiptRootExists"
    assert world.do("va", CommitReceiptRoot(SUBNET, 2, B, 6)) == ""
    assert world.do("vb", CommitReceiptRoot(SUBNET, 2, A, 0)) == "", "every hotkey has its own"
    kept = network.receipt_roots(world.state.view, SUBNET, who("va"))
    assert [(each.epoch, each.root, each.leaves, each.height) for each in kept] == [(1, A, 5, 20), (2, B, 6, 21)]


def test_only_the_newest_receipt_roots_are_kept() -> None:
    world = World(small_genesis(subnet=hyper(tempo_blocks=1)))
    for _ in range(RECEIPT_EPOCHS_KEPT + 3):
        epoch = (world.state.height + 1 + 2) // 2
        assert world.do("va", CommitReceiptRoot(SUBNET, epoch, A, epoch)) == ""
        world.block()
    kept = network.receipt_roots(world.state.view, SUBNET, who("va"))
    assert len(kept) == RECEIPT_EPOCHS_KEPT
    assert [each.epoch for each in kept] == list(range(kept[0].epoch, kept[0].epoch + RECEIPT_EPOCHS_KEPT))
    assert kept[-1].height == world.state.height - 1


def test_an_index_replaces_the_one_before_at_a_bounded_pace() -> None:
    world = World()
    block = world.block(world.sign("va", CommitIndexRoot(SUBNET, A, 3, 1000)))
    assert IndexRootCommitted(SUBNET, who("va"), A) in block.events
    world.run_to(3)
    assert refused(world, "va", CommitIndexRoot(SUBNET, B, 4, 2000)) == "CommitmentRateLimitExceeded"
    world.block()
    assert world.do("va", CommitIndexRoot(SUBNET, B, 4, 2000)) == ""
    assert network.index_root(world.state.view, SUBNET, who("va")) == roots.IndexRoot(B, 4, 2000, Height(5))


def test_only_neurons_commit_to_roots() -> None:
    world = World()
    for call in (CommitReceiptRoot(NetUid(7), 0, A, 1), CommitIndexRoot(NetUid(7), A, 1, 1)):
        assert refused(world, "va", call) == "SubnetNotExists"
        seatless = replace(call, netuid=SUBNET)
        assert refused(world, "alice", seatless) == "HotKeyNotRegisteredInSubNet"


def test_who_loses_the_seat_loses_its_roots_here() -> None:
    numbers = replace(TEST_PARAMETERS, min_non_immune_uids=0)
    world = World(small_genesis(subnet=hyper(max_uids=3, immunity_blocks=1), parameters=numbers))
    assert world.do("va", CommitReceiptRoot(SUBNET, _epoch(world), A, 1)) == ""
    assert world.do("va", CommitIndexRoot(SUBNET, A, 1, 1)) == ""
    assert world.do("bob", BurnedRegister(SUBNET, who("m0"))) == ""
    assert queries.uid_of(world.state.view, SUBNET, who("va")) is None, "the first of those that earn nothing"
    assert network.receipt_roots(world.state.view, SUBNET, who("va")) == ()
    assert network.index_root(world.state.view, SUBNET, who("va")) is None


def test_a_successor_key_takes_the_roots_of_the_seat() -> None:
    world = World()
    assert world.do("va", CommitReceiptRoot(SUBNET, _epoch(world), A, 1)) == ""
    assert world.do("va", CommitIndexRoot(SUBNET, A, 1, 1)) == ""
    overlay = world.overlay()
    roots.swap_hotkey(overlay, SUBNET, who("va"), who("va2"))
    assert len(network.receipt_roots(overlay, SUBNET, who("va2"))) == 1
    assert network.index_root(overlay, SUBNET, who("va2")) is not None
    assert network.receipt_roots(overlay, SUBNET, who("va")) == ()
    assert network.index_root(overlay, SUBNET, who("va")) is None
