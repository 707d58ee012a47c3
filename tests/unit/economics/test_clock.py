"""The epoch clock needs no state."""

from node.economics import clock
from node.primitives.fixed import U64_MAX


def test_an_epoch_runs_every_tempo_plus_one_blocks() -> None:
    due = [block for block in range(100) if clock.epoch_due(block, 3, 10)]
    assert due == list(range(7, 100, 11))


def test_subnets_are_staggered_by_netuid() -> None:
    blocks = {netuid: next(b for b in range(1, 50) if clock.epoch_due(b, netuid, 20)) for netuid in range(1, 20)}
    assert len(set(blocks.values())) == len(blocks)


def test_the_countdown_leads_to_the_epoch() -> None:
    for block in range(200):
        left = clock.blocks_until_next_epoch(block, 5, 12)
        assert clock.epoch_due(block + left + 1, 5, 12)
        assert not any(clock.epoch_due(b, 5, 12) for b in range(block + 1, block + left + 1))


def test_tempo_zero_never_runs() -> None:
    assert not any(clock.epoch_due(block, 1, 0) for block in range(50))
    assert clock.blocks_until_next_epoch(7, 1, 0) == U64_MAX
    assert clock.epoch_index(7, 1, 0) == 0


def test_every_block_belongs_to_the_epoch_that_started_last() -> None:
    for block in range(1, 300):
        epoch = clock.epoch_index(block, 2, 16)
        assert clock.first_block_of_epoch(epoch, 2, 16) <= block < clock.first_block_of_epoch(epoch + 1, 2, 16)


def test_the_stateful_countdown_stops_at_zero() -> None:
    assert clock.blocks_until_stateful_epoch(100, 40, 50) == 0
    assert clock.blocks_until_stateful_epoch(60, 40, 50) == 30
    assert clock.blocks_until_stateful_epoch(60, 40, 0) == U64_MAX
