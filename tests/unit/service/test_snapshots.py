"""Snapshots of real chains: made under writes, verified on the way in, and a new home goes on from one."""

from pathlib import Path

import pytest
import trio
from msgspec.structs import replace

from node.ledger.genesis import GenesisSpec
from node.ledger.header import decode_header
from node.ledger.pallets import authority
from node.light.steps import encode_set, make_step
from node.primitives.crypto import verify
from node.primitives.errors import NodeError
from node.primitives.types import Hash
from node.service import snapshots
from node.service.anchor import open_chain
from node.service.errors import NoSnapshot, StateMismatch
from node.service.light_book import step_row
from node.service.snapshots import Shelf, SnapshotFile, SnapshotImport, Vouched, trusted_steps, write_snapshot
from node.sync.errors import BadSnapshot
from node.sync.snapshot import Chunk, Manifest, branches_over, check_manifest
from storage import ChainStore, Corrupted, StorageError, WrongDatabase
from tests.unit.light.world import certify, header_of, make_set, state_with
from tests.unit.service.network import run_node, running, spec_of

HEIGHT = 8


async def _exported(tmp_path: Path, spec: GenesisSpec) -> Path:
    """A snapshot with its way, of a chain of one authority that has stopped."""
    async with running(tmp_path, spec, 1) as (node,):
        await node.finalised(HEIGHT)
        genesis_hash = node.chain.genesis_hash
    with ChainStore.open(tmp_path / "node-0" / "chain.db") as store:
        write_snapshot(store, genesis_hash, tmp_path / "state.snapshot", way=True)
    return tmp_path / "state.snapshot"


def _import(file: SnapshotFile, store: ChainStore, spec: GenesisSpec) -> None:
    open_chain(store, spec)
    steps = trusted_steps(file, spec, None, verify)
    taking = SnapshotImport(store, file.manifest)
    while taking.missing:
        for prefix in taking.missing:
            chunk = file.chunk(prefix)
            assert chunk is not None
            taking.take(chunk)
    taking.finish(steps)


async def test_a_new_home_goes_on_from_a_snapshot_with_its_peers(tmp_path: Path) -> None:
    spec = spec_of(2, slot_ms=100)
    async with running(tmp_path, spec, 2) as nodes:
        await nodes[0].finalised(HEIGHT)
        chain = nodes[0].chain
        path = tmp_path / "live.snapshot"
        await trio.to_thread.run_sync(lambda: write_snapshot(chain.store, chain.genesis_hash, path, way=True))
        (tmp_path / "node-2").mkdir()
        with ChainStore.open(tmp_path / "node-2" / "chain.db") as store:
            file = SnapshotFile(path)
            _import(file, store, spec)
            start = file.manifest.header.height
            assert store.pruning.horizon().headers_from == start >= HEIGHT
            again = open_chain(store, spec)
            assert again.anchor.header == file.manifest.header
        async with trio.open_nursery() as nursery:
            swarm = nodes[0].network._swarm  # type: ignore[attr-defined]
            late = await nursery.start(run_node, swarm, tmp_path, spec, 2)
            await late.network.dial(nodes[0].network.addresses[0])
            await late.finalised(start + 5)
            assert late.chain.store.hash_at(start + 5) == nodes[0].chain.store.hash_at(start + 5)
            assert late.chain.store.hash_at(start - 1) is None
            late.scope.cancel()


async def test_a_snapshot_is_of_one_moment_whatever_is_committed_meanwhile(tmp_path: Path) -> None:
    spec = spec_of(1, 0, slot_ms=100)
    async with running(tmp_path, spec, 1) as (node,):
        await node.finalised(3)
        chain = node.chain
        moved: list[int] = []

        def slow(done: int, total: int) -> None:
            if done == total // 2:
                before = chain.final.header.height
                while chain.final.header.height < before + 3:
                    trio.from_thread.run(trio.sleep, 0.02)
                moved.append(chain.final.header.height - before)

        path = tmp_path / "live.snapshot"
        manifest = await trio.to_thread.run_sync(lambda: write_snapshot(chain.store, chain.genesis_hash, path, slow))
        assert moved
        check_manifest(manifest, chain.genesis_hash)
        assert manifest.header.height < chain.final.header.height


async def test_an_import_resumes_and_only_the_whole_is_adopted(tmp_path: Path) -> None:
    spec = spec_of(1, 0, slot_ms=100)
    file = SnapshotFile(await _exported(tmp_path, spec))
    path = tmp_path / "new.db"
    with ChainStore.open(path) as store:
        open_chain(store, spec)
        taking = SnapshotImport(store, file.manifest)
        half = taking.missing[::2]
        for prefix in half:
            chunk = file.chunk(prefix)
            assert chunk is not None
            taking.take(chunk)
        with pytest.raises(BadSnapshot, match="missing"):
            taking.finish()
    with ChainStore.open(path) as store:
        taking = SnapshotImport(store, file.manifest)
        assert set(taking.missing).isdisjoint(half)
        assert 0 < taking.rows_missing < taking.rows_total
        tip = store.tip()
        assert tip is not None
        assert tip.height == 0
        _import(file, store, spec)
        tip = store.tip()
        assert tip is not None
        assert tip.height == file.manifest.header.height


async def test_rows_that_the_disk_damaged_are_not_adopted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of(1, 0, slot_ms=100)
    file = SnapshotFile(await _exported(tmp_path, spec))
    with ChainStore.open(tmp_path / "new.db") as store:
        before = open_chain(store, spec).anchor.header
        put = store.staging.put
        monkeypatch.setattr(store.staging, "put", lambda prefix, rows: put(prefix, [(rows[0][0], b"rot"), *rows[1:]]))
        with pytest.raises(StateMismatch, match="damaged"):
            _import(file, store, spec)
        assert store.staging.manifest() is None
        assert open_chain(store, spec).anchor.header == before


async def test_only_the_authorities_since_genesis_or_the_user_vouch_for_a_snapshot(tmp_path: Path) -> None:
    spec = spec_of(1, 0, slot_ms=100)
    file = SnapshotFile(await _exported(tmp_path, spec))
    height = file.manifest.header.height
    assert trusted_steps(file, spec, None, verify)
    assert trusted_steps(file, spec, Vouched(height, file.block_hash), verify) == ()
    with pytest.raises(BadSnapshot, match="do not vouch"):
        trusted_steps(file, spec, None, lambda account, message, signature: False)
    with pytest.raises(BadSnapshot, match="is of block"):
        trusted_steps(file, spec, Vouched(height, Hash(bytes(32))), verify)
    with pytest.raises(BadSnapshot, match="another network"):
        trusted_steps(file, spec_of(1, 0), None, verify)


async def test_a_shelf_keeps_the_newest_and_throws_away_what_is_damaged(tmp_path: Path) -> None:
    spec = spec_of(1, 0, slot_ms=100)
    folder = tmp_path / "snapshots"
    async with running(tmp_path, spec, 1) as (node,):
        shelf = Shelf(folder)
        assert shelf.manifest() is None
        chain, seen = node.chain, []
        for height in (2, 4, 6):
            await node.finalised(height)
            with chain.store.pinned() as tip:
                made = await trio.to_thread.run_sync(shelf.make, tip, chain.genesis_hash)
            assert shelf.manifest() == made
            seen.append(made)
        prefix = bytes((next(index for index, rows in enumerate(made.branches.rows) if rows),))
        assert shelf.chunk(seen[0].block_hash, prefix) is None
        assert shelf.chunk(seen[1].block_hash, prefix) is not None
        assert shelf.chunk(seen[2].block_hash, prefix) is not None
        assert shelf.chunk(seen[2].block_hash, b"\xff" * 9) is None
        assert shelf.size_bytes() == sum(path.stat().st_size for path in folder.iterdir())
        shelf.close()
        genesis_hash = chain.genesis_hash
    (folder / "torn.snapshot").write_bytes(sorted(folder.iterdir())[0].read_bytes()[:-1])
    (folder / "new.snapshot.part").write_bytes(b"half")
    again = Shelf(folder)
    again.open(genesis_hash)
    assert again.manifest() == seen[-1]
    assert len(list(folder.iterdir())) == 2
    assert again.drop_oldest()
    assert again.drop_oldest()
    assert not again.drop_oldest()
    assert list(folder.iterdir()) == []
    again.close()


def test_there_is_no_snapshot_of_a_chain_that_is_not_final_anywhere(tmp_path: Path) -> None:
    with ChainStore.open(tmp_path / "chain.db") as store:
        genesis_hash = open_chain(store, spec_of(1, 0)).genesis_hash
        with pytest.raises(NoSnapshot):
            write_snapshot(store, genesis_hash, tmp_path / "x")
    assert not (tmp_path / "x").exists()
    assert not (tmp_path / "x.part").exists()


async def test_a_state_that_differs_from_its_header_is_never_exported(tmp_path: Path) -> None:
    spec = spec_of(1, 0, slot_ms=100)
    await _exported(tmp_path, spec)
    with ChainStore.open(tmp_path / "node-0" / "chain.db") as store:
        with store._database.write() as connection:
            connection.execute("UPDATE state SET value = x'00' WHERE path = (SELECT min(path) FROM state)")
        tip = store.tip()
        assert tip is not None
        header = store.header(tip.hash)
        assert header is not None
        genesis_hash = open_hash(spec)
        with pytest.raises(StateMismatch, match=f"block {decode_header(header.header).height}"):
            write_snapshot(store, genesis_hash, tmp_path / "bad")
    assert not (tmp_path / "bad").exists()


def open_hash(spec: GenesisSpec) -> Hash:
    return snapshots.genesis_state(spec)[1].hash


async def test_a_file_that_is_cut_short_or_garbled_anywhere_is_refused(tmp_path: Path) -> None:
    spec = spec_of(1, 0, slot_ms=100)
    whole = (await _exported(tmp_path, spec)).read_bytes()
    path = tmp_path / "bad.snapshot"
    cuts = [0, 1, 15, 16, 17, len(whole) // 2, len(whole) - 60, len(whole) - 1]
    for cut in cuts:
        path.write_bytes(whole[:cut])
        with pytest.raises((Corrupted, WrongDatabase)):
            SnapshotFile(path)
    path.write_bytes(b"a letter, not a snapshot" * 100)
    with pytest.raises(WrongDatabase, match="no snapshot"):
        SnapshotFile(path)
    refused = 0
    for at in range(3, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :])
        with ChainStore.open(tmp_path / f"garbled-{at}.db") as store:
            try:
                _import(SnapshotFile(path), store, spec)
            except (StorageError, NodeError):
                refused += 1
                tip = store.tip()
                assert tip is None or tip.height == 0
    assert refused >= 55


def test_the_step_of_the_adopted_block_is_made_from_its_state_and_not_taken_over(tmp_path: Path) -> None:
    """A node that kept a step without the set that follows would hand it to others for ever."""
    before, after = make_set(0, range(4)), make_set(1, range(2, 6))
    rows = state_with(after)
    rows.rows[authority.SETS.path(before.set_id)] = encode_set(before)
    header, genesis_hash = header_of(9, 12, before.set_id, rows, after), Hash(b"g" * 32)
    step = make_step(header, certify(header, before, 1, genesis_hash), rows, rows.tree)
    branches = branches_over(sorted(rows.rows.items()))
    with ChainStore.open(tmp_path / "chain.db") as store:
        taking = SnapshotImport(store, Manifest(genesis_hash, header, step.certificate, branches))
        for prefix in taking.missing:
            below = tuple(row for row in sorted(rows.rows.items()) if row[0].startswith(prefix))
            taking.take(Chunk(prefix, below))
        taking.finish((step_row(replace(step, next_set=())),))
        assert store.steps_above(0, 9) == [step_row(step)]
