"""Promises of commands that read files of a stopped node: databases and models."""

import sqlite3
from pathlib import Path

import pytest
from msgspec.structs import replace

import models
from models.errors import HashMismatch
from node.ledger.genesis import genesis_state
from node.ledger.header import Header, header_hash
from node.primitives.codec import encode
from node.primitives.types import AccountId
from node.service.founding import Founder, devnet_genesis
from storage.chain import ChainStore
from storage.lock import HomeLock
from storage.rows import BlockRow, Commit
from tests.unit.cli.conftest import Run

FOUNDER = Founder(AccountId(bytes([1]) * 32), AccountId(bytes([2]) * 32))


@pytest.fixture
def genesis(home: Path) -> Header:
    """A home whose database holds a genesis and nothing else."""
    spec = devnet_genesis("devnet", (FOUNDER,), (), start_ms=0, slot_ms=1000, tempo=20)
    header, state, rows = genesis_state(spec)
    home.mkdir()
    with ChainStore.open(home / "chain.db") as store:
        block = BlockRow(state.hash, header.parent, 0, 0, encode(header), encode(()))
        store.commit(Commit(blocks=(block,), finalised=((0, state.hash),), state=rows))
    return header


def test_a_sound_database_passes_its_check(run: Run, genesis: Header) -> None:
    outcome = run("db", "check", "--json")
    assert outcome.code == 0, outcome.err
    shown = outcome.json()
    assert shown["finalized_hash"] == header_hash(genesis).hex()
    assert shown["state_root"] == genesis.state_root.hex()
    assert shown["checked"]
    assert "sound" in run("db", "check").out
    assert not run("db", "info", "--json").json()["checked"]


def test_a_changed_state_is_found(run: Run, genesis: Header, home: Path) -> None:
    with sqlite3.connect(home / "chain.db") as database:
        database.execute("UPDATE state SET value = X'00' WHERE path = (SELECT min(path) FROM state)")
    outcome = run("db", "check", "--json")
    assert outcome.code == 1
    assert outcome.json()["error"]["code"] == "state_differs"
    assert run("db", "info").code == 0


def test_a_changed_header_is_found(run: Run, genesis: Header, home: Path) -> None:
    other = encode(replace(genesis, slot=7))
    with sqlite3.connect(home / "chain.db") as database:
        database.execute("UPDATE blocks SET header = ?", (other,))
    outcome = run("db", "check")
    assert outcome.code == 1
    assert "does not follow" in outcome.err


def test_a_damaged_file_is_one_sentence(run: Run, genesis: Header, home: Path) -> None:
    (home / "chain.db").write_bytes(b"no database at all" * 500)
    outcome = run("db", "check")
    assert outcome.code == 1
    assert outcome.err.count("\n") <= 2
    assert outcome.err.splitlines()[-1].startswith("neurond: ")
    assert "Traceback" not in outcome.err


def test_a_running_nodes_database_is_left_alone(run: Run, genesis: Header, home: Path) -> None:
    with HomeLock(home):
        outcome = run("db", "check", "--json")
    assert outcome.code == 1
    assert outcome.json()["error"]["code"] == "home_in_use"


def test_a_home_without_a_database_gets_none(run: Run, home: Path) -> None:
    outcome = run("db", "info")
    assert outcome.code == 1
    assert "--home" in outcome.err
    assert not home.exists()


@pytest.fixture(autouse=True)
def own_store(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shared model store of these tests is nobody else's."""
    monkeypatch.setenv("NEUROND_MODELS", str(home / "models"))


def test_models_of_a_stopped_node_are_listed_from_its_store(run: Run) -> None:
    shown = run("models", "list", "--json").json()
    assert [each["name"] for each in shown] == [each.name for each in models.CATALOGUE]
    assert {each["state"] for each in shown} == {"absent"}
    assert "absent" in run("models").out


def test_a_model_is_pulled_here_when_no_node_runs(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Path]] = []

    def ensure(name: str, store: Path, progress: models.sources.Report) -> Path:
        asked.append((name, store))
        progress(models.Progress("download", 1, 1, "bytes", 0.0))
        return store / name

    monkeypatch.setattr(models, "ensure", ensure)
    outcome = run("models", "pull", "--json")
    assert outcome.code == 0, outcome.err
    assert asked == [("smollm2-135m-instruct", home / "models")]
    assert "download 100 %" in outcome.err


def test_a_model_that_is_absent_unknown_or_spoilt_is_one_sentence(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "models pull" in run("models", "verify").err
    assert "no-such-model" in run("models", "verify", "no-such-model").err

    def spoilt(_: Path) -> None:
        raise HashMismatch("The file has another SHA-256.")

    (home / "models" / "smollm2-135m-instruct").mkdir(parents=True)
    monkeypatch.setattr("models.bundle.check_bundle", spoilt)
    outcome = run("models", "verify", "--json")
    assert outcome.code == 1
    assert outcome.json()["error"]["code"] == HashMismatch.code
