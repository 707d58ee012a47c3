"""The simulated disk keeps the promises that the nodes on it rely on, and no others."""

import random

import pytest

from node.consensus.events import Finalised
from node.ledger.header import Block
from tests.simulation.chain import execute, hash_of
from tests.simulation.disk import Disk, DiskFull
from tests.unit.consensus.helpers import GENESIS, certificate
from tests.unit.consensus.test_engine import chain, ref


def final(block: Block) -> Finalised[object]:
    state = execute(GENESIS.state, block)
    return Finalised((block,), (ref(block).hash,), (state,), certificate(ref(block)), ())


def test_a_loss_of_power_takes_the_newest_commits_and_leaves_a_whole() -> None:
    outcomes = set()
    first, second = chain(2)
    for seed in range(40):
        disk = Disk(GENESIS)
        disk.store((first,))
        disk.store((second,))
        disk.finalise(final(first))
        lost = disk.lose_power(random.Random(seed))
        height = disk.anchor.header.height
        assert lost == 1 - height
        assert set(disk.finalised) == set(disk.certificates) == set(range(1, height + 1))
        stored = [hash_of(block.header) in disk.unfinalised for block in (first, second)]
        assert stored in ([False, True], [True, True], [True, False], [False, False])
        assert not (height == 1 and stored[0])  # final or not, never both
        assert stored != [False, True] or height == 1  # nothing newer without the older
        outcomes.add((height, *stored))
    assert len(outcomes) == 4


def test_what_was_there_when_something_was_signed_stays() -> None:
    first, second = chain(2)
    for seed in range(20):
        disk = Disk(GENESIS)
        disk.store((first,))
        assert disk.advance("vote", (1, 0, 1), b"a")
        disk.store((second,))
        disk.lose_power(random.Random(seed))
        assert hash_of(first.header) in disk.unfinalised
        assert disk.signed() is not None


def test_a_place_is_signed_once() -> None:
    disk = Disk(GENESIS)
    assert disk.advance("vote", (1, 1, 1), b"a")
    assert disk.advance("vote", (1, 1, 1), b"a")
    assert not disk.advance("vote", (1, 1, 1), b"b")
    assert not disk.advance("vote", (1, 0, 2), b"b")
    assert disk.advance("proposal", (1, 0), b"b")
    assert disk.advance("vote", (1, 1, 2), b"b")


def test_a_full_disk_fails_at_the_chosen_write_and_writes_nothing() -> None:
    first, second = chain(2)
    disk = Disk(GENESIS)
    disk.fuse = 1
    disk.store((first,))
    with pytest.raises(DiskFull):
        disk.store((second,))
    with pytest.raises(DiskFull):
        disk.advance("vote", (1, 0, 1), b"a")
    assert set(disk.unfinalised) == {hash_of(first.header)}
    assert disk.signed() is None
