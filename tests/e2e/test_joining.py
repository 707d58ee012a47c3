"""Joining and starting with real daemons: what is down or wrong holds nobody up, and what fails says why."""

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from node.control import launcher
from node.control.api import InviteRequest, PeersRequest, StatusRequest
from node.control.client_sync import SyncClient
from node.control.errors import DaemonFailed, RemoteError
from node.control.launcher import neurond_command
from node.control.options import DaemonConfig, DevnetOptions
from node.control.schema import NodeStatus
from node.control.wallets import wallet_store
from node.primitives.errors import ControlError
from node.service import devnet
from node.service.invite import InviteBody, open_invite, write_invite

pytestmark = pytest.mark.e2e

STRANGER = "12D3KooWQSztTaXGEy5t5Zvcwu4DNiEs8kMkkXgkZLzAmjX6wzTc"
UNKNOWN_NAME = f"/dns4/no-such-host.invalid/tcp/4001/p2p/{STRANGER}"
START_S = 60.0  # a start takes 2 s of an idle core; a wait for a dead bootstrap would be told by the phases instead
LEVEL_S = 40.0


def dead_port() -> int:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return int(holder.getsockname()[1])


def refused(peer_id: str = STRANGER) -> str:
    """An address at which nobody listens."""
    return f"/ip4/127.0.0.1/tcp/{dead_port()}/p2p/{peer_id}"


@dataclass
class Net:
    """One authority that runs, and homes of others that a test starts; all are stopped at the end."""

    first: Path
    address: str
    genesis_hash: str
    folder: Path
    homes: list[Path]

    def config(self, name: str, *bootstrap: str, **changes: object) -> DaemonConfig:
        home = self.folder / name
        self.homes.append(home)
        base = DaemonConfig(
            home, listen=("/ip4/127.0.0.1/tcp/0",), bootstrap=bootstrap, gateway_port=None, mdns=False,
            genesis_hash=self.genesis_hash,
        )  # fmt: skip
        return replace(base, **changes)  # type: ignore[arg-type]

    def start(self, config: DaemonConfig) -> list[str]:
        """Start a node and return the phases that it told."""
        phases: list[str] = []
        launcher.start(config, lambda step: phases.append(step.message), timeout_s=START_S)
        return phases

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of ours as a person would."""
        return subprocess.run(
            [*neurond_command(), *arguments], capture_output=True, text=True, timeout=120, check=False
        )


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    folder = tmp_path_factory.mktemp("joining")
    options = DevnetOptions(folder / "net", nodes=1, authorities=1, slot_ms=500)
    founded = devnet.found(options, lambda step: None)
    entry = founded.file.nodes[0]
    config = replace(devnet.node_config(founded, entry, folder), role="staker", gateway_port=0, mdns=False)
    address = f"/ip4/127.0.0.1/tcp/{entry.port}/p2p/{entry.peer_id}"
    made = Net(config.home, address, founded.file.genesis_hash, folder, [config.home])
    try:
        launcher.start(config, lambda step: None)
        yield made
    finally:
        for home in made.homes:
            launcher.stop(home, lambda step: None, drain=False)


def status(home: Path) -> NodeStatus:
    with SyncClient(home) as client:
        return client.call(StatusRequest())


def has_peer(home: Path) -> bool:
    """Whether a node answers that has a peer."""
    try:
        return status(home).peers > 0
    except (ControlError, RemoteError):
        return False


def level(home: Path) -> NodeStatus:
    """Wait until a node has a peer and the chain."""
    give_up_s = time.monotonic() + LEVEL_S
    while time.monotonic() < give_up_s:
        seen = status(home)
        if seen.peers and seen.height > 1 and not seen.sync.syncing:
            return seen
        time.sleep(0.1)
    raise AssertionError(f"not level after {LEVEL_S:g} s")


def invite_of(net: Net, *addresses: str) -> str:
    """An invite to the network that leads to other addresses than the node's own."""
    with SyncClient(net.first) as client:
        body: InviteBody = open_invite(client.call(InviteRequest()).text)
    signer = wallet_store(net.first).open("default").hotkey()
    return write_invite(signer, body.network, body.genesis_hash, addresses, time.time_ns() // 10**6)[0]


# --- starting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dead", [lambda _: refused(), lambda net: refused(net.address.rpartition("/p2p/")[2]), lambda _: UNKNOWN_NAME],
    ids=["a stranger's", "the same peer's", "an unknown name"],
)  # fmt: skip
@pytest.mark.parametrize("first", [True, False], ids=["in front", "behind"])
def test_one_dead_address_of_an_invite_keeps_nobody_out(net: Net, dead: Callable[[Net], str], first: bool) -> None:
    addresses = (dead(net), net.address) if first else (net.address, dead(net))
    name = f"half-{abs(hash(addresses))}"
    home = net.folder / name
    net.homes.append(home)
    done = net.run(
        "join", invite_of(net, *addresses), "--home", str(home), "--listen", "/ip4/127.0.0.1/tcp/0",
        "--gateway-port", "none", "--no-mdns",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert level(home).genesis_hash == net.genesis_hash
    launcher.stop(home, lambda step: None, drain=False)


def test_a_home_that_knows_its_network_starts_at_once_although_everybody_it_knows_is_down(net: Net) -> None:
    config = net.config("alone", refused(), UNKNOWN_NAME, genesis_path=net.first / "genesis.json")
    config.home.mkdir()
    remembered = {"version": 1, "peers": [refused(), refused()], "bans": []}
    (config.home / "peers.json").write_text(json.dumps(remembered))
    phases = net.start(config)
    assert status(config.home).state == "running"
    assert not any("genesis" in phase and "asking" in phase for phase in phases)
    launcher.stop(config.home, lambda step: None, drain=False)
    begun_s = time.monotonic()
    net.start(replace(config, bootstrap=(), genesis_path=None, genesis_hash=None))  # as it was started last
    with_dead_s = time.monotonic() - begun_s
    launcher.stop(config.home, lambda step: None, drain=False)
    assert with_dead_s < START_S
    with_address = net.run("join", net.address, "--home", str(config.home))
    assert with_address.returncode == 0, with_address.stderr
    assert level(config.home).peers >= 1  # somebody came, later


def test_a_join_that_reaches_nobody_says_what_was_tried_and_why_and_what_to_do(net: Net) -> None:
    nobody = refused()
    home = net.folder / "nobody"
    done = net.run("join", invite_of(net, nobody, UNKNOWN_NAME), "--home", str(home), "--no-mdns")
    assert done.returncode == 1
    sentence = done.stderr.strip().splitlines()[-1]
    assert nobody.partition("/p2p/")[0] + ": Connection refused" in sentence
    assert "/dns4/no-such-host.invalid/tcp/4001: " in sentence
    assert "multiaddr" not in sentence.lower()
    assert sentence.startswith("neurond: Nobody could tell")
    assert sentence.endswith(".")
    with pytest.raises(DaemonFailed, match="Connection refused"):
        net.start(net.config("nobody-2", nobody))


# --- what a running node tells ----------------------------------------------------------------------------------------


def doctor(net: Net, home: Path) -> tuple[int, dict[str, dict[str, str]]]:
    done = net.run("doctor", "--home", str(home), "--json")
    return done.returncode, {row["name"]: row for row in json.loads(done.stdout)["checks"]}


def test_the_doctor_finds_a_healthy_node_healthy(net: Net) -> None:
    config = net.config("healthy", net.address)
    net.start(config)
    level(config.home)
    code, rows = doctor(net, config.home)
    assert {row["name"]: row["found"] for row in rows.values() if row["state"] == "bad"} == {}
    assert code == 0
    assert {"clock", "ports", "addresses", "reachability", "peers", "ways", "DHT", "mDNS", "loop lag", "disk", "memory",
            "open files", "keys", "database", "GPU", "versions", "machine"} <= set(rows)  # fmt: skip
    assert rows["clock"]["state"] == "ok", rows["clock"]
    with SyncClient(config.home) as client:
        assert {peer.route for peer in client.call(PeersRequest())} == {"direct"}


CLOCK = """
import sys, time
wall_s, wall_ns = time.time, time.time_ns
time.time, time.time_ns = lambda: wall_s() + 600, lambda: wall_ns() + 600 * 10**9
from node.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_the_doctor_finds_a_clock_that_is_ten_minutes_off(net: Net) -> None:
    config = net.config("early", net.address)
    python = os.fspath(Path(neurond_command()[0]).with_name("python"))
    arguments = [*launcher.daemon_arguments(config)]
    process = subprocess.Popen(
        [python, "-c", CLOCK, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        give_up_s = time.monotonic() + START_S
        while time.monotonic() < give_up_s and process.poll() is None and not has_peer(config.home):
            time.sleep(0.2)
        code, rows = doctor(net, config.home)
    finally:
        process.terminate()
        process.wait(60)
    assert code == 1
    assert rows["clock"]["state"] == "bad"
    assert "ahead of" in rows["clock"]["found"]
    assert 590_000 <= float(rows["clock"]["found"].split()[0]) <= 610_000
    assert "timedatectl" in rows["clock"]["fix"]


def test_the_doctor_of_a_stopped_node_finds_open_keys_and_a_taken_port(net: Net) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        config = net.config("broken", net.address, listen=(f"/ip4/127.0.0.1/tcp/{port}",))
        holder.close()
        net.start(config)
        launcher.stop(config.home, lambda step: None, drain=False)
    (config.home / "network.key").chmod(0o644)
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", port))
        holder.listen(1)
        code, rows = doctor(net, config.home)
    assert code == 1
    assert rows["keys"]["state"] == rows["ports"]["state"] == "bad"
    assert rows["keys"]["fix"] == f"Run: chmod 600 '{config.home / 'network.key'}'"
    assert f"TCP {port}" in rows["ports"]["found"]
    assert rows["node"]["state"] == "warn"


def test_a_running_node_is_scraped(net: Net) -> None:
    config = net.config("scraped", net.address)
    net.start(config)
    level(config.home)
    gateway = status(net.first).gateway_url
    assert gateway is not None
    with urllib.request.urlopen(gateway.removesuffix("/v1") + "/metrics", timeout=10) as answer:
        text = answer.read().decode()
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(lines['neurond_p2p_peers{direction="in"}']) >= 1
    assert float(lines['neurond_p2p_routes{route="direct"}']) >= 1
    assert float(lines['neurond_p2p_routes{route="relayed"}']) == 0
    assert float(lines["neurond_p2p_dht_working"]) in (0, 1)
    assert float(lines['neurond_p2p_dials_total{outcome="started"}']) >= 0
    assert float(lines['neurond_p2p_gossip_messages_total{event="published"}']) > 0
    for name in ("connections", "streams"):
        assert any(line.startswith(f"neurond_p2p_{name}_total{{") for line in lines), name
