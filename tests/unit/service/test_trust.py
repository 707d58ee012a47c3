"""Weak subjectivity of full nodes: a checkpoint refuses another history, and an old start says that it needs one."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from msgspec.structs import replace

from node.consensus.authority import AuthoritySet
from node.consensus.slots import SlotClock
from node.consensus.votes import BlockRef
from node.control.options import DaemonConfig
from node.ledger.genesis import genesis_state
from node.ledger.header import Authority, Header, header_hash
from node.light.chain import Checkpoint
from node.light.errors import BadCheckpoint, BadStep
from node.light.limits import WEAK_SUBJECTIVITY_MS
from node.primitives.types import AccountId, Hash, Height, SetId, Slot
from node.service import fetching, full_nodes, snapshot_sync, syncer
from node.service.errors import NothingOffered
from node.service.home import Home, settings_from, with_last_settings
from node.service.light_home import format_checkpoint, parse_checkpoint
from node.service.snapshot_sync import SnapshotSync
from node.service.trust import Trust, begin_trust, check_stored, checkpoint_of
from p2p import MemorySwarm
from storage.chain import ChainStore
from tests.unit.service.network import TestNode, run_node, running, spec_of
from tests.unit.service.test_snapshot_sync import newcomer, put_on_shelf
from tests.unit.service.test_stranded import stop

HEIGHT = 8
DAY_MS = 24 * 3600 * 1000
OTHER = Hash(b"?" * 32)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_sync, "BEHIND_BLOCKS_MIN", 2)
    monkeypatch.setattr(snapshot_sync, "PEERS_WAIT_S", 1.0)
    monkeypatch.setattr(fetching, "REST_S", 0.05)
    monkeypatch.setattr(fetching, "PATIENCE_S", 1.0)
    monkeypatch.setattr(full_nodes, "REQUEST_TIMEOUT_S", 1.0)
    monkeypatch.setattr(syncer, "POLL_S", 0.1)


# --- the checkpoint itself ------------------------------------------------------------------------------------------

GENESIS = genesis_state(spec_of(1, 1))[0]


def linked(count: int) -> list[Header]:
    """Headers of heights 1 to `count`, each the parent of the next."""
    made, parent = list[Header](), header_hash(GENESIS)
    for height in range(1, count + 1):
        made.append(replace(GENESIS, height=Height(height), slot=Slot(height), parent=parent))
        parent = header_hash(made[-1])
    return made


def ref(header: Header) -> BlockRef:
    return BlockRef(header_hash(header), header.height)


HEADERS = linked(6)
MARK = Checkpoint(Height(2), header_hash(HEADERS[1]), None)


def test_headers_that_link_the_checkpoint_to_a_certified_block_confirm_it() -> None:
    assert MARK.check_way(HEADERS[1:6], ref(HEADERS[5])) == HEADERS[1]
    assert MARK.check_way(HEADERS[1:2], ref(HEADERS[1])) == HEADERS[1]


@pytest.mark.parametrize("shown", [HEADERS[2:], HEADERS[1:5], HEADERS, [], [*HEADERS[1:3], *HEADERS[4:]]])
def test_headers_that_do_not_link_them_say_nothing_about_the_checkpoint(shown: list[Header]) -> None:
    with pytest.raises(BadStep):
        MARK.check_way(shown, ref(HEADERS[5]))


def test_a_certified_block_over_another_block_at_the_height_contradicts_the_checkpoint() -> None:
    with pytest.raises(BadCheckpoint):
        dataclasses.replace(MARK, block_hash=OTHER).check_way(HEADERS[1:6], ref(HEADERS[5]))


def test_a_checkpoint_may_leave_the_set_out_for_a_full_node_only() -> None:
    text = f"7:{'ab' * 32}"
    assert format_checkpoint(parse_checkpoint(text, needs_set=False)) == text
    whole = f"{text}:{'cd' * 32}"
    assert format_checkpoint(parse_checkpoint(whole, needs_set=False)) == whole
    for wrong in (text + ":", whole + ":00", "7", "x:" + "ab" * 32):
        with pytest.raises(BadCheckpoint):
            parse_checkpoint(wrong, needs_set=False)
    with pytest.raises(BadCheckpoint):
        parse_checkpoint(text)


def test_the_home_remembers_the_checkpoint_until_it_is_told_to_forget_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    text = f"7:{'ab' * 32}"
    home.remember(settings_from(DaemonConfig(tmp_path, checkpoint=text), "staker"))
    bare = with_last_settings(DaemonConfig(tmp_path), home.settings_of_last_start())
    assert checkpoint_of(bare) == parse_checkpoint(text, needs_set=False)
    told = with_last_settings(DaemonConfig(tmp_path, checkpoint="none"), home.settings_of_last_start())
    assert checkpoint_of(told) is None
    assert checkpoint_of(DaemonConfig(tmp_path)) is None


# --- blocks ---------------------------------------------------------------------------------------------------------


def mark_of(node: TestNode, height: int) -> Checkpoint:
    """The checkpoint of a block that is final on `node`, as a light client prints it."""
    block_hash = node.chain.store.hash_at(height)
    assert block_hash is not None
    return Checkpoint(Height(height), Hash(block_hash), node.chain.engine.authorities.hash)


WRONG: list[Callable[[Checkpoint], Checkpoint]] = [
    lambda mark: dataclasses.replace(mark, block_hash=OTHER),
    lambda mark: dataclasses.replace(mark, set_hash=OTHER),
]


@pytest.mark.parametrize("wrong", WRONG, ids=["block", "set"])
async def test_no_block_that_contradicts_the_checkpoint_becomes_final_whoever_certified_it(
    wrong: Callable[[Checkpoint], Checkpoint], tmp_path: Path
) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(1, slot_ms=80), 1, swarm) as (keeper,), trio.open_nursery() as nursery:
        await keeper.finalised(HEIGHT)
        mark = mark_of(keeper, 5)
        late: TestNode = await nursery.start(run_node, swarm, tmp_path, keeper.chain.spec, 1)
        late.chain.checkpoint = wrong(mark)
        await late.network.dial(keeper.network.addresses[0])
        with trio.fail_after(10):
            while late.chain.conflict is None:
                await trio.sleep(0.02)
        await keeper.finalised(keeper.chain.final.header.height + 5)
        assert late.chain.final.header.height < 5
        assert "contradicts the checkpoint" in late.chain.conflict
        nursery.cancel_scope.cancel()


async def test_a_chain_that_contains_the_checkpoint_is_followed_past_it(tmp_path: Path) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(1, slot_ms=80), 1, swarm) as (keeper,), trio.open_nursery() as nursery:
        await keeper.finalised(HEIGHT)
        late: TestNode = await nursery.start(run_node, swarm, tmp_path, keeper.chain.spec, 1)
        late.chain.checkpoint = mark_of(keeper, 5)
        await late.network.dial(keeper.network.addresses[0])
        await late.finalised(HEIGHT)
        assert late.chain.conflict is None
        nursery.cancel_scope.cancel()


async def test_an_authority_makes_no_blocks_below_its_checkpoint(tmp_path: Path) -> None:
    async with running(tmp_path, spec_of(1, slot_ms=80), 1) as (node,):
        await node.finalised(2)
        node.chain.checkpoint = Checkpoint(Height(1000), OTHER, None)
        await trio.sleep(0.2)
        height = node.chain.head.height
        await trio.sleep(0.6)
        assert node.chain.head.height == height


async def test_a_home_whose_chain_contradicts_the_checkpoint_does_not_start(tmp_path: Path) -> None:
    spec, swarm = spec_of(1, slot_ms=80), MemorySwarm()
    async with running(tmp_path, spec, 1, swarm) as (node,):
        await node.finalised(HEIGHT)
        mark = mark_of(node, 5)
        stop(swarm, node)
        await trio.sleep(0.2)
    with ChainStore.open(tmp_path / "node-0" / "chain.db") as store:
        assert begin_trust(store, spec, mark, lambda: spec.start_ms).trouble(staked()) is None
        with pytest.raises(BadCheckpoint):
            begin_trust(store, spec, dataclasses.replace(mark, block_hash=OTHER), lambda: spec.start_ms)
        above = Checkpoint(Height(10_000), OTHER, None)
        assert check_stored(store, above) is None


# --- snapshots ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("above_the_checkpoint", [0, 3])
async def test_a_snapshot_is_taken_when_its_chain_contains_the_checkpoint_and_refused_when_not(
    above_the_checkpoint: int, tmp_path: Path
) -> None:
    swarm = MemorySwarm()
    async with running(tmp_path, spec_of(1, slot_ms=80), 1, swarm) as (keeper,):
        await keeper.finalised(HEIGHT)
        height = put_on_shelf(keeper, tmp_path / "shelf")
        mark = mark_of(keeper, height - above_the_checkpoint)
        told: list[Header] = []
        async with newcomer(swarm, tmp_path, keeper.chain.spec, keeper) as new:
            for wrong in (
                dataclasses.replace(mark, block_hash=OTHER),
                dataclasses.replace(mark, set_hash=OTHER),
                dataclasses.replace(mark, height=Height(height + 1)),
            ):
                with pytest.raises(NothingOffered):
                    await SnapshotSync(
                        new.network, new.store, new.spec, new.said.append, wrong, told.append
                    ).run("snapshot")  # fmt: skip
                assert new.height == 0
            assert told == []
            assert await SnapshotSync(new.network, new.store, new.spec, new.said.append, mark, told.append).run("auto")
            assert new.height == height
            assert [header_hash(header) for header in told] == [mark.block_hash]


# --- age ------------------------------------------------------------------------------------------------------------


def staked() -> AuthoritySet:
    return AuthoritySet(SetId(3), (Authority(AccountId(b"k" * 32), 0, 5),))


def named() -> AuthoritySet:
    return AuthoritySet(SetId(0), (Authority(AccountId(b"k" * 32), 1),))


class Wall:
    """A clock that is set by hand."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


SLOT_MS = 12_000
CLOCK = SlotClock(0, SLOT_MS)


def at(day: float, height: int) -> Header:
    return replace(GENESIS, height=Height(height), slot=Slot(int(day * DAY_MS) // SLOT_MS))


def test_an_old_start_asks_for_a_checkpoint_once_stake_decides_and_a_young_one_answers_it() -> None:
    trust = Trust(at(0, 5), CLOCK, Wall(10 * DAY_MS))
    assert trust.trouble(named()) is None
    found = trust.trouble(staked())
    assert found is not None
    assert "block 5, 10 days old" in found.text
    assert "--checkpoint" in found.fix
    trust.follow(at(9.9, 5000), staked())
    assert trust.trouble(staked()) == found, "catching up with whoever makes blocks now changes nothing"
    trust.confirm(at(0.9, 300))
    assert trust.trouble(staked()) == found, "a checkpoint as old as that adds nothing"
    trust.confirm(at(9, 4000))
    assert trust.trouble(staked()) is None


def test_a_start_within_the_period_is_trusted_and_an_old_checkpoint_does_not_spoil_it() -> None:
    trust = Trust(at(0, 5), CLOCK, Wall(WEAK_SUBJECTIVITY_MS))
    assert trust.trouble(staked()) is None
    trust.confirm(at(0, 4))
    assert trust.trouble(staked()) is None


def test_a_node_that_follows_for_long_trusts_its_own_following_until_there_is_a_long_gap() -> None:
    wall = Wall(0)
    trust = Trust(at(0, 0), CLOCK, wall)
    for day in (3, 9, 17):
        wall.now_ms = day * DAY_MS
        trust.follow(at(day, day * 7200), staked())
        assert trust.trouble(staked()) is None
    wall.now_ms = 27 * DAY_MS
    trust.follow(at(27, 27 * 7200), staked())
    assert trust.trouble(staked()) is not None
