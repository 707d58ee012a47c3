"""Writing behind: nothing queued is lost at a stop, a full queue drops and counts, nothing waits."""

from pathlib import Path

import trio

from node.market.tasks import TaskView
from node.primitives.crypto import digest
from node.primitives.types import AccountId
from node.service.roles.journal import ROWS_QUEUED_MAX, RoleJournal
from storage import MarketStore
from tests.unit.market.support import NETUID

MINER = AccountId(digest("test", b"miner"))


def view(n: int, state: str = "done") -> TaskView:
    return TaskView(digest("test", n.to_bytes(4, "big")).hex(), "challenge", MINER, state, n)  # type: ignore[arg-type]


async def test_what_was_queued_before_a_flush_is_on_disk_after_it(tmp_path: Path) -> None:
    with MarketStore.open(tmp_path / "m.sqlite") as store:
        for stop_after in range(8):
            journal = RoleJournal(NETUID, store)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(journal.run)
                for n in range(10):
                    journal.task(view(100 * stop_after + n))
                journal.drop_secrets((bytes(32),))
                for _ in range(stop_after):
                    await trio.lowlevel.checkpoint()
                await journal.flush()
                nursery.cancel_scope.cancel()
            assert len(store.tasks(1000)) == 10 * (stop_after + 1)


async def test_a_full_queue_drops_rows_and_counts_them(tmp_path: Path) -> None:
    with MarketStore.open(tmp_path / "m.sqlite") as store:
        journal = RoleJournal(NETUID, store)
        for n in range(ROWS_QUEUED_MAX + 5):
            journal.task(view(n))
        assert journal.counts["journal.dropped"] == 5


async def test_running_tasks_are_shown_but_not_stored(tmp_path: Path) -> None:
    with MarketStore.open(tmp_path / "m.sqlite") as store:
        journal = RoleJournal(NETUID, store)
        journal.task(view(1, "running"))
        await journal.flush()
        assert store.tasks(10) == []
        assert len(journal.log.recent()) == 1


async def test_without_a_store_everything_works_in_memory() -> None:
    journal = RoleJournal(NETUID, None)
    journal.task(view(1))
    await journal.flush()
    assert await journal.load_scores() == []
    assert journal.log.recent()[0].state == "done"
