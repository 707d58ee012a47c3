"""Promises of `neurond db`: nothing is lost, nothing foreign or damaged gets in, and what happens is told."""

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import trio
from msgspec import structs

from node.consensus.certificate import Certificate
from node.ledger.genesis import format_genesis
from node.ledger.genesis_spec import GenesisSpec
from node.primitives.types import SetId
from node.service import pruner
from node.service.home import Home, Settings
from node.sync.snapshot import decode_manifest, encode_manifest
from storage import ChainStore, SignGuard
from storage.lock import HomeLock
from storage.snapshot_file import SnapshotReader, SnapshotWriter
from tests.unit.cli.conftest import Run
from tests.unit.service.network import running, spec_of

HEIGHT = 14
EPOCH_SLOTS = 4


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> tuple[GenesisSpec, Path]:
    """A network and the home of its authority, which has stopped."""
    folder = tmp_path_factory.mktemp("grown")
    spec = replace(spec_of(1, 0, slot_ms=80), epoch_slots=EPOCH_SLOTS)

    async def grow() -> None:
        async with running(folder, spec, 1) as (node,):
            await node.finalised(HEIGHT)

    trio.run(grow)
    (folder / "node-0" / "genesis.json").write_bytes(format_genesis(spec))
    return spec, folder / "node-0"


@pytest.fixture
def spec(grown: tuple[GenesisSpec, Path]) -> GenesisSpec:
    return grown[0]


@pytest.fixture
def old(grown: tuple[GenesisSpec, Path], home: Path) -> Path:
    """The tested home: a copy of the grown one."""
    shutil.copytree(grown[1], home)
    return home


@pytest.fixture
def new(spec: GenesisSpec, tmp_path: Path) -> Path:
    """Another home of the same network that never ran."""
    path = tmp_path / "new"
    path.mkdir()
    (path / "genesis.json").write_bytes(format_genesis(spec))
    return path


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A home of another network."""
    path = tmp_path / "foreign"
    path.mkdir()
    (path / "genesis.json").write_bytes(format_genesis(spec_of(1, 0, slot_ms=99)))
    return path


@pytest.fixture
def few_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruner, "KEPT_BLOCKS_MIN", 3)
    monkeypatch.setattr(pruner, "KEPT_MS", {"archive": None, "full": 80 * 4, "light": 80 * 4})


def _files(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.iterdir() if path.is_file() and ".lock" not in path.name}


def test_info_tells_what_is_there_also_while_the_node_runs(run: Run, old: Path) -> None:
    Home(old).remember(Settings(keep="archive"))
    stopped = run("db", "info", "--json").json()
    assert stopped["finalized_height"] >= HEIGHT
    assert stopped["mode"] == "archive"
    assert (stopped["headers_from"], stopped["bodies_from"], stopped["import_parts"]) == (0, 0, None)
    assert stopped["light_steps_to"] >= EPOCH_SLOTS
    with HomeLock(old), ChainStore.open(old / "chain.db"):
        assert run("db", "info", "--json").json()["finalized_hash"] == stopped["finalized_hash"]
    assert "archive" in run("db", "info").out


@pytest.mark.parametrize("command", [["check"], ["prune"], ["vacuum"], ["restore", "x"], ["import", "x"]])
def test_what_changes_the_database_waits_until_the_node_is_stopped(run: Run, old: Path, command: list[str]) -> None:
    if command[-1] == "x":
        made = old / "made"
        assert run("db", "export" if command[0] == "import" else "backup", str(made)).code == 0
        command = [command[0], str(made)]
    with HomeLock(old):
        outcome = run("db", *command, "--json")
    assert outcome.code == 1
    assert outcome.json()["error"]["code"] == "home_in_use"


def test_a_backup_of_a_running_node_is_restored_whole(run: Run, old: Path, new: Path, tmp_path: Path) -> None:
    before = _files(old)
    backup = tmp_path / "chain.backup"
    with HomeLock(old), ChainStore.open(old / "chain.db") as store:
        outcome = run("db", "backup", str(backup), "--json")
        assert outcome.code == 0, outcome.err
        tip = store.tip()
    assert tip is not None
    assert outcome.json()["height"] == tip.height
    assert outcome.json()["size_bytes"] == backup.stat().st_size
    assert sorted(path.name for path in tmp_path.glob("chain.backup*")) == ["chain.backup"]
    restored = run("db", "restore", str(backup), "--home", str(new), "--json")
    assert restored.code == 0, restored.err
    assert restored.json()["block_hash"] == tip.hash.hex()
    assert sorted(_files(new)) == ["chain.db", "genesis.json"]
    assert run("db", "check", "--home", str(new)).code == 0
    assert _files(old)["signing.db"] == before["signing.db"]


def test_a_restore_replaces_what_is_there_and_keeps_the_signing_record(run: Run, old: Path, tmp_path: Path) -> None:
    backup = tmp_path / "chain.backup"
    run("db", "backup", str(backup))
    with SignGuard.open(old / "signing.db", accept_copied_home=True) as guard:
        signed = guard.position("vote")
    record = (old / "signing.db").read_bytes()
    (old / "chain.db").write_bytes(b"what a broken disk left " * 1000)
    (old / "chain.db-wal").write_bytes(b"and its log")
    assert run("db", "restore", str(backup)).code == 0
    assert run("db", "check").code == 0
    assert (old / "signing.db").read_bytes() == record
    with SignGuard.open(old / "signing.db") as guard:
        assert guard.position("vote") == signed
    assert not [path for path in old.iterdir() if path.name.startswith("chain.db") and path.name != "chain.db"]


def test_nothing_foreign_or_damaged_is_restored(run: Run, old: Path, foreign: Path, tmp_path: Path) -> None:
    backup = tmp_path / "chain.backup"
    run("db", "backup", str(backup))
    outcome = run("db", "restore", str(backup), "--home", str(foreign), "--json")
    assert outcome.json()["error"]["code"] == "wrong_network"
    assert sorted(_files(foreign)) == ["genesis.json"]
    before = _files(old)
    whole = backup.read_bytes()
    damaged = {
        "cut": whole[: len(whole) // 2],
        "garbled": whole[:8192] + b"\xa5" * 8192 + whole[16384:],
        "letter": b"this is a letter, not a backup" * 100,
        "signing": (old / "signing.db").read_bytes(),
        "empty": b"",
    }
    for name, data in damaged.items():
        path = tmp_path / name
        path.write_bytes(data)
        outcome = run("db", "restore", str(path), "--json")
        assert outcome.code == 1, name
        assert outcome.json()["error"]["code"] in ("storage_corrupted", "storage_wrong_database"), name
    assert _files(old) == before
    with sqlite3.connect(backup) as database:
        database.execute("UPDATE state SET value = X'00' WHERE path = (SELECT min(path) FROM state)")
    database.close()
    assert run("db", "restore", str(backup), "--json").json()["error"]["code"] == "state_differs"
    assert _files(old) == before
    assert run("db", "restore", str(tmp_path / "none"), "--json").json()["error"]["code"] == "storage_inaccessible"


def test_nothing_is_ever_written_over(run: Run, old: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_bytes(b"precious")
    for command in ("backup", "export"):
        outcome = run("db", command, str(there), "--json")
        assert outcome.json()["error"]["code"] == "already_there"
        assert run("db", command, str(tmp_path / "no" / "folder"), "--json").code == 1
    assert there.read_bytes() == b"precious"


def test_a_new_home_begins_from_an_exported_state(run: Run, old: Path, new: Path, tmp_path: Path) -> None:
    file = tmp_path / "state.snapshot"
    with HomeLock(old), ChainStore.open(old / "chain.db"):
        exported = run("db", "export", str(file), "--json")
    assert exported.code == 0, exported.err
    imported = run("db", "import", str(file), "--home", str(new), "--json")
    assert imported.code == 0, imported.err
    assert imported.json()["block_hash"] == exported.json()["block_hash"]
    info = run("db", "check", "--home", str(new), "--json").json()
    assert info["finalized_height"] == info["headers_from"] == exported.json()["height"]
    assert info["light_steps_to"] == run("db", "info", "--json").json()["light_steps_to"]
    again = run("db", "import", str(file), "--home", str(new), "--json")
    assert again.json()["error"]["code"] == "sync_bad_snapshot"
    second = tmp_path / "second.snapshot"
    assert run("db", "export", str(second), "--home", str(new)).code == 0
    assert second.read_bytes() == file.read_bytes()


def test_a_checkpoint_vouches_where_the_way_from_genesis_is_missing(
    run: Run, old: Path, new: Path, tmp_path: Path
) -> None:
    file = tmp_path / "state.snapshot"
    shown = run("db", "export", str(file), "--json").json()
    right, wrong = f"{shown['height']}:{shown['block_hash']}", f"{shown['height']}:{'00' * 32}"
    assert run("db", "import", str(file), "--home", str(new), "--checkpoint", "7:beef").code == 2
    refused = run("db", "import", str(file), "--home", str(new), "--checkpoint", wrong, "--json")
    assert refused.json()["error"]["code"] == "sync_bad_snapshot"
    assert run("db", "import", str(file), "--home", str(new), "--checkpoint", right).code == 0


def _resigned(file: Path, to: Path, forge: Callable[[Certificate], Certificate]) -> None:
    """Write the snapshot in `file` again with another certificate of its block."""
    reader = SnapshotReader(file)
    manifest = decode_manifest(reader.head)
    with SnapshotWriter(to) as writer:
        for name in list(reader.names()):
            writer.add(name, reader.read(name) or b"")
        writer.finish(encode_manifest(structs.replace(manifest, certificate=forge(manifest.certificate))))
    reader.close()


FORGED: dict[str, Callable[[Certificate], Certificate]] = {
    "unsigned": lambda known: structs.replace(known, signatures=(bytes(64),) * len(known.signatures)),
    "of another round": lambda known: structs.replace(known, round=known.round + 1),
    "of a set that never was": lambda known: structs.replace(known, set_id=SetId(7)),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_a_block_that_is_vouched_for_needs_a_certificate_of_the_authorities_in_its_state(
    forge: Callable[[Certificate], Certificate], run: Run, old: Path, new: Path, tmp_path: Path
) -> None:
    file, forged = tmp_path / "state.snapshot", tmp_path / "forged.snapshot"
    shown = run("db", "export", str(file), "--json").json()
    mark = f"{shown['height']}:{shown['block_hash']}"
    _resigned(file, forged, forge)
    refused = run("db", "import", str(forged), "--home", str(new), "--checkpoint", mark, "--json")
    assert refused.code == 1
    assert refused.json()["error"]["code"] == "sync_bad_snapshot"
    info = run("db", "check", "--home", str(new), "--json").json()
    assert (info["finalized_height"], info["import_parts"]) == (0, None), "nothing of it stays"
    assert run("db", "import", str(file), "--home", str(new), "--checkpoint", mark).code == 0


def test_nothing_foreign_or_damaged_is_imported(run: Run, old: Path, new: Path, foreign: Path, tmp_path: Path) -> None:
    file = tmp_path / "state.snapshot"
    run("db", "export", str(file))
    outcome = run("db", "import", str(file), "--home", str(foreign), "--json")
    assert outcome.json()["error"]["code"] == "sync_bad_snapshot"
    whole = file.read_bytes()
    for at in range(40, len(whole), len(whole) // 12):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        outcome = run("db", "import", str(file), "--home", str(new), "--json")
        assert outcome.code == 1
        assert outcome.json()["error"]["code"] in ("storage_corrupted", "sync_bad_snapshot", "decode_error")
        if (new / "chain.db").exists():
            assert run("db", "info", "--home", str(new), "--json").json()["finalized_height"] == 0
    file.write_bytes(whole)
    assert run("db", "import", str(file), "--home", str(new)).code == 0


def test_pruning_tells_first_and_then_forgets_what_the_mode_does_not_keep(run: Run, old: Path, few_kept: None) -> None:
    before = run("db", "info", "--json").json()
    told = run("db", "prune", "--dry-run", "--json").json()
    assert told["dry_run"]
    assert told["blocks"] > 3
    assert run("db", "info", "--json").json() == before
    done = run("db", "prune", "--json").json()
    assert (done["blocks"], done["bytes"], done["mode"]) == (told["blocks"], told["bytes"], "full")
    assert done["bodies_from"] > 3
    assert run("db", "prune", "--dry-run", "--json").json()["blocks"] == 0
    assert run("db", "check").code == 0
    assert run("db", "prune", "--keep", "archive", "--json").json()["blocks"] == 0
    light = run("db", "prune", "--keep", "light", "--json").json()
    assert light["headers_from"] == light["bodies_from"]
    after = run("db", "check", "--json").json()
    assert after["light_steps_to"] == before["light_steps_to"]
    assert after["state_root"] == before["state_root"]


def test_vacuum_gives_room_back_and_keeps_everything(run: Run, old: Path) -> None:
    with ChainStore.open(old / "chain.db") as store:
        tip = store.tip()
        with store._database.write() as connection:
            connection.execute("CREATE TABLE ballast (data BLOB)")
            connection.execute("INSERT INTO ballast VALUES (zeroblob(4000000))")
            connection.execute("DROP TABLE ballast")
    done = run("db", "vacuum", "--json").json()
    assert done["after_bytes"] < done["before_bytes"] - 3_000_000
    assert run("db", "check").code == 0
    with ChainStore.open(old / "chain.db") as store:
        assert store.tip() == tip
    assert not [path for path in old.iterdir() if path.name.startswith("chain.db") and path.name != "chain.db"]


def test_progress_has_a_total_and_goes_to_the_side(
    run: Run, old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from node.control.words import PROGRESS_VARIABLE

    monkeypatch.setenv(PROGRESS_VARIABLE, "json")
    outcome = run("db", "export", str(tmp_path / "file"), "--json")
    assert '"total":256' in outcome.err
    assert '"eta_s":' in outcome.err
    assert outcome.json()["height"] >= HEIGHT
