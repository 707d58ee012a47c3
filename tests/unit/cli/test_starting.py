"""Promises of commands that start things: options arrive whole, failures end in one sentence."""

import socket
import sys
import time
import types
from pathlib import Path

import msgspec
import pytest

from node.control.launcher import daemon_arguments, devnet_arguments
from node.control.options import DaemonConfig, DevnetNode, DevnetOptions, DevnetStatus, Progress, ProgressSink
from node.primitives.crypto import Ed25519Signer
from node.primitives.types import Hash
from node.service.invite import write_invite
from storage.errors import HomeInUse
from tests.unit.cli.conftest import Run
from tests.unit.control.fake import ADDRESS, GENESIS, Served, served

HOST = "/ip4/192.0.2.7/tcp/4001/p2p/12D3KooWQSztTaXGEy5t5Zvcwu4DNiEs8kMkkXgkZLzAmjX6wzTc"
DEVNET = DevnetStatus(
    "/net", "devnet", GENESIS,
    (
        DevnetNode("node-0", "/net/node-0", "validator", True, 77, ADDRESS, 12, 10, "http://127.0.0.1:1/v1"),
        DevnetNode("cheat-0", "/net/cheat-0", "miner", False, None, cheat="random"),
    ),
)  # fmt: skip


class Started:
    """Catches what a command would have started."""

    def __init__(self) -> None:
        self.configs: list[DaemonConfig] = []
        self.options: list[DevnetOptions] = []
        self.homes: list[Path] = []

    def run(self, config: DaemonConfig) -> int:
        self.configs.append(config)
        return 0

    def start(self, config: DaemonConfig, _: ProgressSink) -> None:
        self.configs.append(config)

    def up(self, options: DevnetOptions, progress: ProgressSink) -> DevnetStatus:
        self.options.append(options)
        progress(Progress("keys", "making keys", 1, 4))
        return DEVNET

    def down(self, home: Path, _: ProgressSink) -> None:
        self.homes.append(home)

    def status(self, home: Path) -> DevnetStatus:
        self.homes.append(home)
        return DEVNET


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    found = Started()
    for name in ("daemon", "devnet"):
        stub = types.ModuleType(f"node.service.{name}")
        vars(stub).update(run=found.run, up=found.up, down=found.down, status=found.status)
        monkeypatch.setitem(sys.modules, f"node.service.{name}", stub)
    monkeypatch.setattr("node.control.launcher.start", found.start)
    return found


@pytest.mark.parametrize(
    "config",
    [
        DaemonConfig(Path("/h")),
        DaemonConfig(
            Path("/h"), None, GENESIS, ("/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/2"), (HOST, ADDRESS), "miner", "w", "k",
            None, "other-model", Path("/models"), 3, (13, 64), "random", True,
        ),
        DaemonConfig(Path("/h"), gateway_port=8080, role="validator"),
        DaemonConfig(Path("/h"), listen=(), mdns=False, backend="openai:http://h:8000/v1#m"),
    ],
)  # fmt: skip
def test_a_config_survives_the_trip_through_the_command_line(config: DaemonConfig, run: Run, started: Started) -> None:
    assert run(*daemon_arguments(config)).code == 0
    assert started.configs == [config]


def test_a_genesis_file_survives_the_trip_and_must_exist(run: Run, started: Started, tmp_path: Path) -> None:
    config = DaemonConfig(tmp_path / "h", genesis_path=tmp_path / "genesis.json")
    assert run(*daemon_arguments(config)).code == 2
    (tmp_path / "genesis.json").touch()
    assert run(*daemon_arguments(config)).code == 0
    assert started.configs == [config]


@pytest.mark.parametrize(
    "options",
    [
        DevnetOptions(Path("/net")),
        DevnetOptions(Path("/net"), 6, 3, 500, 30, ("random", "copied"), "other-model", Path("/models"), 5000),
    ],
)
def test_devnet_options_survive_the_trip_through_the_command_line(
    options: DevnetOptions, run: Run, started: Started
) -> None:
    outcome = run("devnet", "up", *devnet_arguments(options), "--json")
    assert outcome.code == 0, outcome.err
    assert started.options == [options]
    assert msgspec.json.decode(outcome.out, type=DevnetStatus) == DEVNET


def test_progress_of_a_devnet_is_for_people_or_for_programs(
    run: Run, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "cheats: random" in run("devnet", "up").out
    monkeypatch.setenv("NEUROND_PROGRESS", "json")
    said = run("devnet", "up").err
    assert msgspec.json.decode(said, type=Progress) == Progress("keys", "making keys", 1, 4)


def test_the_devnet_lives_in_its_own_part_of_the_home_unless_told_otherwise(
    run: Run, started: Started, home: Path, tmp_path: Path
) -> None:
    assert "stopped" in run("devnet", "status").out
    assert run("devnet", "down", "--home", str(tmp_path / "net")).code == 0
    assert started.homes == [home / "devnet", tmp_path / "net"]


def test_up_shows_the_status_of_the_node_it_started(run: Run, started: Started, node: Served) -> None:
    outcome = run("up", "--role", "miner", "--json")
    assert outcome.json()["role"] == "miner"
    assert started.configs[0].role == "miner"


def test_joining_by_invite_brings_its_genesis_and_addresses(run: Run, started: Started) -> None:
    signer = Ed25519Signer(bytes(32))
    genesis = Hash(bytes.fromhex(GENESIS))
    text, _ = write_invite(signer, "lab", genesis, (HOST,), time.time_ns() // 10**6)
    outcome = run("join", text, "--role", "miner")
    assert "joining lab" in outcome.err
    (config,) = started.configs
    assert (config.bootstrap, config.genesis_hash, config.role) == ((HOST,), GENESIS, "miner")


def test_joining_by_address_believes_the_first_answer(run: Run, started: Started) -> None:
    run("join", HOST)
    (config,) = started.configs
    assert (config.bootstrap, config.genesis_hash) == ((HOST,), None)


def test_a_spoilt_invite_starts_nothing(run: Run, started: Started) -> None:
    outcome = run("join", "nd1abcdef")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "neurond invite" in outcome.err
    assert not started.configs


def test_a_second_daemon_on_one_home_is_one_sentence(
    run: Run, started: Started, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(_: DaemonConfig) -> int:
        raise HomeInUse(home, 4121)

    monkeypatch.setattr(sys.modules["node.service.daemon"], "run", taken)
    outcome = run("up", "--foreground", "--json")
    assert outcome.code == 1
    assert "4121" in outcome.err
    assert outcome.err.count("\n") == 1
    assert outcome.json()["error"]["code"] == "home_in_use"


def test_a_daemon_that_hangs_is_not_taken_for_none(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.control.client_sync.CONNECT_TIMEOUT_S", 0.1)
    home.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(home / "control.sock"))
        listener.listen()
        outcome = run("status", "--json")
    assert outcome.code == 1
    assert outcome.json()["error"]["code"] == "request_timeout"


def test_commands_find_the_devnet_of_the_default_home_but_down_does_not(run: Run, home: Path) -> None:
    (home / "devnet" / "genesis-of-something").mkdir(parents=True)
    with served(home / "devnet" / "cheat-1-random") as cheat, served(home / "devnet" / "node-0"):
        assert run("status", "--json").code == 0
        assert run("ask", "Hello").code == 0
        assert not cheat.api.calls
        assert "No node was running" in run("down").out
        assert run("status", "--home", str(home)).code == 1  # named: taken literally
        with served(home) as own:
            assert run("peers").code == 0
            assert ("peers", ()) in own.api.calls  # the home's own node comes first
