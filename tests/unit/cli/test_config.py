"""Promises of `neurond config`: changes are shown, nothing wrong is written, and nodes really start as it says."""

import sys
import types
from pathlib import Path

import pytest

from node.control.launcher import daemon_arguments
from node.control.options import DaemonConfig
from tests.unit.cli.conftest import Run
from tests.unit.cli.test_starting import Started


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    found = Started()
    stub = types.ModuleType("node.service.daemon")
    vars(stub).update(run=found.run)
    monkeypatch.setitem(sys.modules, "node.service.daemon", stub)
    return found


def test_a_value_is_written_shown_and_taken_back(run: Run, home: Path) -> None:
    outcome = run("config", "set", "gateway.port", "8080")
    assert (outcome.code, "+port = 8080" in outcome.out) == (0, True)
    assert "started again" in outcome.err
    assert run("config", "get", "gateway.port").out == "8080\n"
    (row,) = run("config", "show", "gateway.port", "--json").json()
    assert (row["value"], row["origin"], row["place"]) == (8080, "file", f"{home / 'config.toml'}, line 2")
    assert f"file: {home / 'config.toml'}, line 2" in run("config", "show", "--origin").out
    assert run("config", "unset", "gateway.port").code == 0
    assert run("config", "get", "gateway.port").out == "0\n"
    assert "says so already" in run("config", "unset", "gateway.port").out


def test_a_dry_run_writes_nothing(run: Run, home: Path) -> None:
    outcome = run("config", "set", "node.role", "miner", "--dry-run", "--json")
    assert outcome.json() == {
        "path": str(home / "config.toml"), "key": "node.role", "changed": True, "written": False
    }  # fmt: skip
    assert not (home / "config.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("gateway.prot", "1"), "Did you mean gateway.port?"),
        (("gateway.port", "many"), "0 to 65535"),
        (("gateway.port", "1", "2"), "takes one value"),
        (("node.listen", "here"), "entry 1"),
        (("profile", "nobody"), "[profiles]"),
        (("node.password", "x"), "secret"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(
    run: Run, home: Path, arguments: tuple[str, ...], words: str
) -> None:
    outcome = run("config", "set", *arguments)
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert words in outcome.err
    assert not (home / "config.toml").exists()


def test_nothing_is_written_into_a_file_with_faults(run: Run, home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("[node]\nrole = 1\n")
    assert run("config", "set", "gateway.port", "8080").code == 1
    assert run("config", "set", "node.role", "miner").code == 0  # which is how it is put right


def test_validating_lists_every_fault_with_its_line(run: Run, home: Path) -> None:
    assert run("config", "validate").code == 0
    home.mkdir()
    (home / "config.toml").write_text("[node]\nrole = 1\nmdns = 2\n")
    outcome = run("config", "validate", "--json")
    assert outcome.code == 1
    assert [each["line"] for each in outcome.json()["faults"]] == [2, 3]


def test_the_schema_and_the_path_are_printed(run: Run, home: Path) -> None:
    assert run("config", "schema").json()["type"] == "object"
    assert run("config", "path").out == f"{home / 'config.toml'}\n"


def test_a_node_starts_as_the_configuration_says_and_a_flag_wins(
    run: Run,
    started: Started,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home.mkdir()
    (home / "config.toml").write_text(
        '[node]\nrole = "miner"\nnetuids = [2]\n[gateway]\nport = 8080\n[profiles.lab.gateway]\nport = 9090\n'
    )
    monkeypatch.setenv("NEUROND_MODEL_THREADS", "3")
    assert run("up", "--foreground").code == 0
    assert (
        run("up", "--foreground", "--profile", "lab", "--role", "staker", "--model", DaemonConfig(home).model).code == 0
    )
    first, second = started.configs
    assert first == DaemonConfig(home, role="miner", netuids=(2,), gateway_port=8080, model_threads=3)
    assert (second.role, second.gateway_port) == ("staker", 9090)
    assert "model" in second.given  # said, though it is the default: the last start does not win
    assert first.given == first.configured == {"role", "netuids", "gateway_port", "model_threads"}
    assert second.configured == {"netuids", "gateway_port", "model_threads"}
    assert run(*daemon_arguments(first)).code == 0  # the way by which a daemon in the background is told
    assert started.configs[-1].configured == first.configured


def test_a_broken_configuration_starts_nothing(run: Run, started: Started, home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text('[model]\nbackend = "openai:http://"\n')
    outcome = run("up", "--foreground")
    assert (outcome.code, started.configs) == (1, [])
    assert outcome.err.count("\n") == 1


def test_a_started_daemon_reads_no_configuration_of_its_own(run: Run, started: Started, home: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    home.mkdir()
    (home / "config.toml").write_text('[node]\nrole = "miner"\n')
    monkeypatch.setenv("NEUROND_CONFIG", "none")
    run("up", "--foreground")
    assert started.configs == [DaemonConfig(home)]


def test_defaults_of_other_commands_come_from_it(run: Run, home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("[gateway]\nrequests_per_minute = 7\nrequests_per_day = 70\n")
    made = run("keys", "new", "laptop", "--json").json()
    assert (made["requests_per_minute"], made["requests_per_day"]) == (7, 70)
    assert run("keys", "new", "other", "--per-minute", "3", "--json").json()["requests_per_minute"] == 3
    assert "gateway.requests_per_minute" in run("keys", "new", "--help").out
