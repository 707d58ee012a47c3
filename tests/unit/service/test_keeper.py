"""What of the past a node keeps: by mode and budget, beside a chain that goes on, and told in its status."""

import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from node.control.launcher import daemon_arguments
from node.control.options import DaemonConfig
from node.ledger.calls import Transfer
from node.primitives.types import Rao
from node.service import keeper as module
from node.service import pruner
from node.service.anchor import open_chain
from node.service.home import Home, Settings, settings_from, with_last_settings
from node.service.keeper import Keeper, Keeping, keeping_of
from storage import ChainStore, DiskFull
from tests.unit.service.network import TestNode, coldkey, running, spec_of
from tests.unit.storage.test_failures import commit_until_refused

KEPT_BLOCKS = 6
MEGABYTE = 1 << 20


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.05)
    monkeypatch.setattr(module, "PAUSE_S", 0.0)
    monkeypatch.setattr(pruner, "STEP_BLOCKS_MAX", 3)
    monkeypatch.setattr(pruner, "KEPT_BLOCKS_MIN", KEPT_BLOCKS)
    monkeypatch.setattr(pruner, "KEPT_MS", {"archive": None, "full": 800, "light": 800})


@asynccontextmanager
async def _keeping(node: TestNode, keeping: Keeping, folder: Path) -> AsyncIterator[Keeper]:
    keeper = Keeper(node.chain, keeping, folder)
    async with trio.open_nursery() as nursery:
        await nursery.start(keeper.run)
        yield keeper
        nursery.cancel_scope.cancel()


async def test_a_full_node_forgets_old_blocks_and_keeps_headers(tmp_path: Path) -> None:
    async with running(tmp_path, spec_of(1, 1, slot_ms=100), 1) as (node,):
        key = await node.reader.submit(Transfer(coldkey(0).public, Rao(7)), coldkey(1))
        async with _keeping(node, Keeping("full", snapshots=False), tmp_path / "snapshots") as keeper:
            await node.finalised(25)
            with trio.fail_after(10):
                while keeper.status.bodies_from < 10:
                    await trio.sleep(0.05)
            store, final = node.chain.store, node.chain.final.header.height
            assert store.blocks_from(1, 1)[0].height == store.pruning.horizon().bodies_from <= final - KEPT_BLOCKS
            assert [row.height for row in store.headers_from(0, 99)][:20] == list(range(20))
            assert store.transaction(key) is None
            assert keeper.status.headers_from == 0
            assert keeper.status.mode == "full"
            assert keeper.status.snapshot_height is None
            store.integrity_check()


async def test_an_archive_forgets_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, spec_of(1, 0, slot_ms=100), 1) as (node,):
        async with _keeping(node, Keeping("archive", snapshots=False), tmp_path / "snapshots"):
            await node.finalised(20)
            await trio.sleep(0.2)
        assert [row.height for row in node.chain.store.blocks_from(0, 99)][:20] == list(range(20))


async def test_a_light_store_forgets_headers_too_but_no_step_and_restarts(tmp_path: Path) -> None:
    spec = spec_of(1, 0, slot_ms=100)
    folder = tmp_path / "snapshots"
    async with running(tmp_path, spec, 1) as (node,), _keeping(node, Keeping("light"), folder) as keeper:
        await node.finalised(25)
        with trio.fail_after(10):
            while keeper.status.headers_from < 10:
                await trio.sleep(0.05)
        store = node.chain.store
        assert [row.height for row in store.headers_from(0, 2)][1] >= 10
        assert store.steps_above(0, 9)
        assert keeper.status.snapshot_height is None
    with ChainStore.open(tmp_path / "node-0" / "chain.db") as store:
        assert open_chain(store, spec).anchor.header.height >= 25


async def test_each_epoch_a_snapshot_is_made_at_its_light_step_for_peers(tmp_path: Path) -> None:
    spec = replace(spec_of(1, 0, slot_ms=100), epoch_slots=8)
    folder = tmp_path / "snapshots"
    async with running(tmp_path, spec, 1) as (node,), _keeping(node, Keeping("full"), folder) as keeper:
        node.chain.shelf = keeper.shelf
        await node.finalised(26)
        with trio.fail_after(10):
            while (keeper.status.snapshot_height or 0) < 15:
                await trio.sleep(0.05)
        steps = {step.height for step in node.chain.store.steps_above(0, 99)}
        assert keeper.status.snapshot_height in steps
        manifest = keeper.shelf.manifest()
        assert manifest is not None
        assert 0 < len([path for path in folder.iterdir() if path.suffix == ".snapshot"]) <= 3


async def test_a_node_that_stops_does_not_wait_for_its_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, spec_of(1, 0, slot_ms=100), 1) as (node,):
        await node.finalised(2)
        folder = tmp_path / "snapshots"
        keeper = Keeper(node.chain, Keeping("full"), folder)
        began = trio.Event()
        real = module._stop_if_cancelled

        def slow(done: int, total: int) -> None:
            trio.from_thread.run_sync(began.set)
            time.sleep(0.02)
            real(done, total)

        monkeypatch.setattr(module, "_stop_if_cancelled", slow)
        async with trio.open_nursery() as nursery:
            await nursery.start(keeper.run)
            stack = ExitStack()
            keeper._pinned = (stack, stack.enter_context(node.chain.store.pinned()))
            keeper._wake.set()
            await began.wait()
            cancelled_s = trio.current_time()
            nursery.cancel_scope.cancel()
        assert trio.current_time() - cancelled_s < 2  # the whole of it would have taken five seconds
        assert list(folder.iterdir()) == []


async def test_a_budget_warns_then_prunes_before_the_time_then_gives_up_snapshots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruner, "KEPT_MS", {"archive": None, "full": 10**9, "light": 10**9})
    monkeypatch.setattr(module, "WAL_BYTES_KEPT_MAX", 0)
    async with running(tmp_path, spec_of(1, 0, slot_ms=100), 1) as (node,):
        await node.finalised(15)
        used = node.chain.store.used_bytes()
        with node.chain.store.pinned() as tip:
            shelf_folder = tmp_path / "snapshots"
            module.Shelf(shelf_folder).make(tip, node.chain.genesis_hash)
        roomy = Keeping("full", used * 100, snapshots=False)
        async with _keeping(node, roomy, shelf_folder) as keeper:
            await trio.sleep(0.2)
            assert keeper.status.bodies_from == 0
            assert not keeper.status.warning
            assert keeper.status.snapshot_height is not None
        async with _keeping(node, replace(roomy, budget_bytes=used), shelf_folder) as keeper:
            with trio.fail_after(10):
                while keeper.status.snapshot_height is not None:
                    await trio.sleep(0.05)
            assert keeper.status.bodies_from > 0
            assert "--disk-mb" in keeper.status.warning
            assert list(shelf_folder.iterdir()) == []
        final = node.chain.final.header.height
        assert node.chain.store.blocks_from(final - KEPT_BLOCKS, 1)[0].height == final - KEPT_BLOCKS
        await node.finalised(final + 2)


def test_a_used_up_budget_is_told_as_one_and_loses_nothing(tmp_path: Path) -> None:
    with ChainStore.open(tmp_path / "chain.db", bytes_max=MEGABYTE // 4) as store:
        error, height = commit_until_refused(store)
        assert isinstance(error, DiskFull)
        assert "budget" in error.message
        assert "--disk-mb" in str(error)
        tip = store.tip()
        assert tip is not None
        assert tip.height == height - 1
        store.integrity_check()


def test_what_is_kept_is_a_setting_of_the_home(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert keeping_of(with_last_settings(DaemonConfig(tmp_path), Settings())) == Keeping("full", None, True)
    first = DaemonConfig(tmp_path, keep="archive", disk_mb=1000, snapshots=False)
    home.remember(settings_from(first, "staker"))
    again = with_last_settings(DaemonConfig(tmp_path), home.settings_of_last_start())
    assert keeping_of(again) == Keeping("archive", 1000 * MEGABYTE, False)
    changed = DaemonConfig(tmp_path, keep="full", disk_mb=0, snapshots=True)
    assert keeping_of(with_last_settings(changed, home.settings_of_last_start())) == Keeping("full", None, True)
    arguments = daemon_arguments(first)
    assert arguments[arguments.index("--keep") + 1] == "archive"
    assert arguments[arguments.index("--disk-mb") + 1] == "1000"
    assert "--no-snapshots" in arguments
