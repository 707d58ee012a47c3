"""How far a node is that takes over a snapshot: told in the shape in which catching up by blocks is told."""

from pathlib import Path

import msgspec
import pytest
import trio

from node.commands.lifecycle import _render
from node.control.options import DaemonConfig
from node.control.schema import SyncProgress
from node.service import fetching, snapshot_sync
from node.service.anchor import trusted_tip
from node.service.app import Node
from node.service.beginning import Beginning
from node.service.errors import NotReady
from node.service.home import Home
from node.service.keys import Keys
from node.service.logbook import open_log
from node.service.snapshot_sync import SnapshotSync
from node.service.status import status_of
from p2p import MemorySwarm
from tests.unit.service.network import running, spec_of
from tests.unit.service.test_snapshot_sync import newcomer, put_on_shelf

pytestmark = pytest.mark.usefixtures("no_defect_is_logged")


async def test_a_snapshot_on_its_way_is_told_with_rate_and_time_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(snapshot_sync, "_REPORT_S", 0.001)
    monkeypatch.setattr(fetching, "WORKERS_MAX", 1)
    swarm = MemorySwarm()
    home = Home(tmp_path / "home")
    home.create()
    node = Node(DaemonConfig(home.path), open_log(home.log, also_stderr=False))
    with pytest.raises(NotReady):
        status_of(node)
    async with running(tmp_path, spec_of(1, 1), 1, swarm) as (keeper,):
        await keeper.finalised(6)
        height = put_on_shelf(keeper, tmp_path / "shelf")
        async with newcomer(swarm, tmp_path, keeper.chain.spec, keeper) as new:
            sync = SnapshotSync(new.network, new.store, new.spec, new.said.append)
            start = trusted_tip(keeper.chain.store)
            node.beginning = Beginning(new.network, new.spec, keeper.chain.genesis_hash, start, Keys(), sync)
            seen: list[SyncProgress] = []
            before = status_of(node)
            assert (before.state, before.sync.syncing, before.sync.rows_total) == ("starting", True, 0)

            async def watch() -> None:
                while True:
                    seen.append(status_of(node).sync)
                    await trio.sleep(0.001)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(watch)
                assert await sync.run("snapshot")
                nursery.cancel_scope.cancel()
            told = [each for each in seen if each.rows_total]
            assert {each.target_height for each in told} == {height}
            assert [each.rows for each in told] == sorted(each.rows for each in told)
            assert 0 <= told[0].rows < told[-1].rows <= told[-1].rows_total
            assert any(each.rows_per_s > 0 and each.eta_s for each in told)
            assert all(each.source_peers == 1 for each in told)
            assert status_of(node).state == "syncing"
            half = msgspec.structs.replace(told[-1], rows=50, rows_total=200, rows_per_s=10.0, eta_s=15.0)
            _render(msgspec.structs.replace(status_of(node), sync=half))
            assert "10 rows/s, 25 % of the state, 15s left" in capsys.readouterr().out
