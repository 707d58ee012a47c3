"""What a node stores, as the control API lists it, and what can be done with it: on a real chain and real files."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import trio

from node.control.views.data import DataItem
from node.primitives.types import NetUid, Uid
from node.service.app import Running
from node.service.data_actions import Desk
from node.service.data_checks import CHECKS_KEPT, Checked, CheckNotes
from node.service.data_view import data_board
from node.service.errors import DataDamaged, DataRefused, Unknown
from node.service.home import Home
from node.service.inspect_api import InspectionOfNode
from node.service.jobs import Report
from node.service.keeper import Keeper, Keeping
from node.service.roles.blobs import BlobShelf
from node.service.seat_view import seat_view
from p2p import MemorySwarm
from p2p.blobs import BlobProgress
from tests.unit.service.network import running, spec_of

CONTENT = b"a payload of a subnet" * 100
NAME = hashlib.sha256(CONTENT).hexdigest()


def silent(message: str, *, done: int = 0, total: int = 0, unit: str = "", eta_s: float | None = None) -> None:
    """Tell nobody."""


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[Desk]:
    """A node with some final blocks, a snapshot, a payload of its own and one of others."""
    home = Home(folder / "home")
    home.create()
    shelf = BlobShelf(home.blobs)
    shelf.put(CONTENT, pinned=False)
    shelf.put(b"own", pinned=True)
    async with running(folder, spec_of(1, 1, slot_ms=100), 1) as (node,), trio.open_nursery() as nursery:
        keeper = Keeper(node.chain, Keeping("full", 512 << 20), home.snapshots)
        home.snapshots.mkdir()
        await nursery.start(keeper.run)
        await node.finalised(12)
        with node.chain.store.pinned() as tip:
            keeper.shelf.make(tip, node.chain.genesis_hash)
        parts = SimpleNamespace(
            chain=node.chain, keeper=keeper, models=SimpleNamespace(loaded=lambda: ()),
            keys=SimpleNamespace(hotkey_account=None), reader=node.reader, network=node.network,
        )  # fmt: skip
        yield Desk(cast(Running, parts), home, folder / "models", CheckNotes(home.checked))
        nursery.cancel_scope.cancel()


def items(found: Desk, fetching: dict[str, BlobProgress] | None = None) -> dict[str, DataItem]:
    board = data_board(found.running, found.home, found.store, found.notes, fetching or {})
    return {item.id: item for item in board.items}


async def test_everything_is_listed_verified_exported_and_only_what_came_from_others_is_dropped(tmp_path: Path) -> None:
    async with desk(tmp_path) as found:
        listed = items(found, {"model.gguf": BlobProgress(30, 100, 2, 10.0, 7.0)})
        snapshot = next(name for name in listed if name.startswith("snapshot:"))
        assert listed["chain"].budget_bytes == 512 << 20
        assert listed["chain"].have_bytes > 0
        assert (listed["fetch:model.gguf"].have_bytes, listed["fetch:model.gguf"].want_bytes) == (30, 100)
        assert listed["model:smollm2-135m-instruct"].state == "absent"
        assert not listed[f"blob:{NAME}"].pinned
        for item in ("chain", snapshot, "blobs", f"blob:{NAME}"):
            assert await found.verify(item, silent)
            note = items(found)[item]
            assert note.sound
            assert note.checked_ms is not None
        for item, name in ((snapshot, "a.snapshot"), ("chain", "b.snapshot"), (f"blob:{NAME}", "c")):
            assert await found.export(item, str(tmp_path / name), silent)
        assert (tmp_path / "c").read_bytes() == CONTENT
        assert (tmp_path / "a.snapshot").read_bytes() == (
            found.home.snapshots / f"{snapshot[9:]}.snapshot"
        ).read_bytes()
        own = f"blob:{hashlib.sha256(b'own').hexdigest()}"
        with pytest.raises(DataRefused, match="own"):
            await found.drop(own, silent)
        await found.drop(f"blob:{NAME}", silent)
        assert f"blob:{NAME}" not in items(found)
        assert own in items(found)


async def test_what_is_damaged_is_found_noted_and_listed_as_damaged(tmp_path: Path) -> None:
    async with desk(tmp_path) as found:
        path = found.home.blobs / NAME
        path.write_bytes(CONTENT[:-1] + b"!")
        with pytest.raises(DataDamaged, match=NAME[:16]):
            await found.verify("blobs", silent)
        with pytest.raises(DataDamaged):
            await found.verify(f"blob:{NAME}", silent)
        assert items(found)[f"blob:{NAME}"].state == "damaged"
        again = CheckNotes(found.home.checked).of(f"blob:{NAME}")
        assert again is not None
        assert not again.sound
        with pytest.raises(DataDamaged, match="not here"):
            await found.verify("model:smollm2-135m-instruct", silent)


@pytest.mark.parametrize(
    "item", ["blob:../../etc/passwd", "blob:" + "0" * 64, "snapshot:../x", "snapshot:7", "nothing", "logs", "rows:x/y"]
)
async def test_names_that_are_none_are_refused_whatever_is_asked(tmp_path: Path, item: str) -> None:
    home = Home(tmp_path)
    found = Desk(cast(Running, SimpleNamespace()), home, tmp_path, CheckNotes(home.checked))
    with pytest.raises((DataRefused, Unknown)):
        await found.export(item, str(tmp_path / "out"), silent)
    with pytest.raises((DataRefused, Unknown)):
        await found.drop(item, silent)
    assert not (tmp_path / "out").exists()


async def test_an_export_never_overwrites_and_wants_a_whole_path(tmp_path: Path) -> None:
    home = Home(tmp_path)
    found = Desk(cast(Running, SimpleNamespace()), home, tmp_path, CheckNotes(home.checked))
    (tmp_path / "there").write_text("kept")
    for path in (str(tmp_path / "there"), "relative", str(tmp_path / "no" / "folder")):
        with pytest.raises(DataRefused):
            await found.export("chain", path, silent)
    assert (tmp_path / "there").read_text() == "kept"


def test_notes_are_bounded_and_a_damaged_file_counts_as_empty(tmp_path: Path) -> None:
    path = tmp_path / "checked.json"
    for junk in (b"", b"\xff\xfe", b"[1,2]", b'{"a": {"at_ms": "x"}}', b"[" * 100_000):
        path.write_bytes(junk)
        assert CheckNotes(path).of("a") is None
    notes = CheckNotes(path)
    notes._notes = {f"old{number}": Checked(number, True) for number in range(CHECKS_KEPT)}
    notes.put("new", Checked(1, False))
    assert notes.of("old0") is None
    assert CheckNotes(path).of("new") == Checked(1, False)


async def test_a_seat_shows_its_weights_and_what_is_no_seat_is_refused(tmp_path: Path) -> None:
    async with desk(tmp_path) as found:
        seat = seat_view(found.running, NetUid(1), Uid(0))
        assert (seat.uid, seat.netuid) == (0, 1)
        assert sum(each.share for each in seat.weights_out) <= 1.0 + 1e-9
        assert all(paid.height > seat.history_from for paid in seat.history)
        for netuid, uid in ((1, 99), (77, 0)):
            with pytest.raises(Unknown):
                seat_view(found.running, NetUid(netuid), Uid(uid))


async def test_a_peer_is_hung_up_on_and_one_that_is_not_connected_is_refused() -> None:
    swarm = MemorySwarm()
    here, there = swarm.join("here"), swarm.join("there")
    await here.dial(there.addresses[0])

    class Looking(InspectionOfNode):
        def _running(self) -> Running:
            return cast(Running, SimpleNamespace(network=here))

    look = Looking()
    assert (await look.peer_detail(there.peer_id)).peer_id == there.peer_id
    await look.peer_drop(there.peer_id)
    assert here.peers() == ()
    for ask in (look.peer_drop, look.peer_detail):
        with pytest.raises(Unknown):
            await ask(there.peer_id)


_: Report = silent
