"""A devnet of real processes under attack: junk from the network, wrong commands, a full disk, and sudden deaths."""

import json
import os
import random
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import trio

from node.consensus.messages import Proposal, decode_message
from node.consensus.votes import BlockRef, Vote
from node.control import launcher
from node.control.options import DaemonConfig, DevnetNode, DevnetOptions, DevnetStatus
from node.ledger.header import Header, decode_header, seal_message
from node.market.call import CALL_PROTOCOL
from node.market.challenge import ANSWER_PROTOCOL, challenge_topic
from node.market.switchboard import of_subnet
from node.primitives.types import Hash, NetUid
from node.service import devnet, genesis_exchange
from node.service.gossip import decode_news, header_of
from node.sync.messages import PROTOCOL as SYNC_PROTOCOL
from p2p import HostConfig, Network, P2PError, Verdict, open_host

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
NEUROND = Path(sys.executable).with_name("neurond")
LISTEN = ("--listen", "/ip4/127.0.0.1/tcp/0")
LOOPBACK = ("/ip4/127.0.0.1/tcp/0",)


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory, tiny_model: str) -> Iterator[DevnetStatus]:
    """Two authorities that validate, and one miner."""
    home = tmp_path_factory.mktemp("hostile")
    options = DevnetOptions(home, nodes=3, slot_ms=500, tempo=12, model=tiny_model)
    try:
        yield devnet.up(options, lambda step: None)
    finally:
        devnet.down(home, lambda step: None)


def neurond(*arguments: str, within_s: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a command as a person would; nothing of it may look like a traceback."""
    done = subprocess.run([str(NEUROND), *arguments], capture_output=True, text=True, timeout=within_s)
    assert "Traceback" not in done.stdout + done.stderr
    return done


def wait(condition: Callable[[], bool], what: str, within_s: float = 40) -> None:
    give_up_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < give_up_s, what
        time.sleep(0.1)


def final(home: str | Path) -> int:
    seen = devnet.ask_status(Path(home))
    return -1 if seen is None else seen.finalized_height


def goes_on(node: DevnetNode, blocks: int = 3) -> None:
    target = max(0, final(node.home)) + blocks
    wait(lambda: final(node.home) >= target, f"{node.name} finalises nothing more")


def config_of(net: DevnetStatus, number: int) -> DaemonConfig:
    founded = devnet.open_devnet(Path(net.home))
    return devnet.node_config(founded, founded.file.nodes[number], Path(net.home))


def address_of(net: DevnetStatus, number: int) -> str:
    node = net.nodes[number]
    return f"{config_of(net, number).listen[0]}/p2p/{node.peer_id}"


def answers(node: DevnetNode) -> bool:
    """Whether the node's gateway answers a question."""
    model = httpx.get(f"{node.gateway_url}/models", timeout=10).json()["data"][0]["id"]
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 4}
    reply = httpx.post(f"{node.gateway_url}/chat/completions", json=body, timeout=30)
    return reply.status_code == 200 and reply.json()["usage"]["completion_tokens"] > 0


# --- junk -------------------------------------------------------------------------------------------------------------


def topics(net: DevnetStatus) -> list[str]:
    prefix = f"/neurond/{net.genesis_hash[:16]}"
    challenges = challenge_topic(Hash(bytes.fromhex(net.genesis_hash)), NetUid(1))
    return [f"{prefix}/{name}/1" for name in ("blocks", "finality", "transactions")] + [challenges]


async def publish_junk(network: Network, net: DevnetStatus) -> None:
    for topic in topics(net):
        network.subscribe(topic, lambda _peer, _data: Verdict.IGNORE)
    target = await network.dial(address_of(net, 0))
    await trio.sleep(1)  # until the mesh is grafted: what is published before goes nowhere
    for number in range(12):
        for topic in topics(net):
            with suppress(P2PError):
                await network.publish(topic, os.urandom(20) + bytes([number]))
                await network.publish(topic, bytes(200_000 + number))
        await trio.sleep(0.05)
    with suppress(P2PError):
        await network.dial(f"/ip4/127.0.0.1/tcp/1/p2p/{target}", timeout_s=1)


async def open_junk(network: Network, net: DevnetStatus) -> None:
    target = await network.dial(address_of(net, 0))

    async def one(protocol: str, data: bytes) -> None:
        with suppress(P2PError), trio.move_on_after(3):
            stream = await network.open(target, protocol)
            await stream.send(data)
            await stream.receive(1 << 20)

    market = [of_subnet(protocol, NetUid(1)) for protocol in (CALL_PROTOCOL, ANSWER_PROTOCOL)]
    protocols = (SYNC_PROTOCOL, genesis_exchange.PROTOCOL, *market, "/neurond/unknown/1")
    async with trio.open_nursery() as nursery:
        for protocol in protocols:
            for data in (b"", os.urandom(100), bytes(600_000), b"\x91" * 5000):
                nursery.start_soon(one, protocol, data)


async def attack(net: DevnetStatus, folder: Path) -> str:
    """Let two peers misbehave on topics and streams; return the peer id of the one that gossips."""
    async with (
        open_host(HostConfig(identity_path=folder / "gossiper", listen=LOOPBACK)) as gossiper,
        open_host(HostConfig(identity_path=folder / "caller", listen=LOOPBACK)) as caller,
    ):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(publish_junk, gossiper, net)
            nursery.start_soon(open_junk, caller, net)
        return gossiper.peer_id


def throw_bytes(net: DevnetStatus) -> None:
    """Plain TCP junk at the node's port, some of it left open."""
    port = int(config_of(net, 0).listen[0].rsplit("/", 1)[1])
    held = []
    for data in (b"", b"GET / HTTP/1.1\r\n\r\n", os.urandom(5000), b"\x13/multistream/1.0.0\n" * 50, b"\xff" * 70_000):
        for _ in range(6):
            line = socket.create_connection(("127.0.0.1", port), timeout=5)
            with suppress(OSError):
                line.sendall(data)
            held.append(line)
    for line in held:
        line.close()


def test_junk_from_the_network_harms_only_its_sender(net: DevnetStatus, tmp_path: Path) -> None:
    victim = net.nodes[0]
    throw_bytes(net)
    offender = trio.run(attack, net, tmp_path)
    goes_on(victim)
    bans = json.loads(neurond("peers", "bans", "--home", victim.home, "--json").stdout)
    assert offender in json.dumps(bans)
    honest = {node.peer_id for node in net.nodes} - {victim.peer_id}
    seen = {peer["peer_id"] for peer in json.loads(neurond("peers", "--home", victim.home, "--json").stdout)}
    assert honest <= seen
    status = json.loads(neurond("status", "--home", victim.home, "--json").stdout)
    assert status["pid"] == victim.pid
    assert answers(victim)
    log = (Path(victim.home) / "daemon.log").read_text()
    assert "Traceback" not in log


# --- commands ---------------------------------------------------------------------------------------------------------

WRONG: list[tuple[int, tuple[str, ...]]] = [
    (2, ("status", "--nonsense")),
    (2, ("nonsense",)),
    (2, ("status", "extra")),
    (2, ("role", "king")),
    (2, ("wallet", "nonsense")),
    (2, ("devnet", "up", "--nodes", "many")),
    (2, ("up", "--gateway-port", "99999999")),
    (2, ("join", "not-an-invite")),
    (1, ("join", "nd1notaninvite")),
    (1, ("join", "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWQv8ujmM6ifBgP4rqNEyL1KS8p7JkCon4PznpFMo4qPpD")),
    (1, ("status",)),
    (1, ("ask", "hello")),
    (1, ("peers",)),
    (1, ("subnets",)),
    (1, ("invite",)),
    (1, ("devnet", "status")),
]


@pytest.mark.parametrize(("code", "arguments"), WRONG, ids=[" ".join(arguments)[:30] for _, arguments in WRONG])
def test_a_wrong_command_is_one_sentence(code: int, arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = neurond(*arguments, "--home", str(tmp_path / "nowhere"))
    assert done.returncode == code, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("neurond: ")]
    assert len(said) == 1, done.stderr
    assert done.stderr.splitlines()[-1] == said[0]


def test_a_dead_daemon_that_left_its_socket_is_told_as_not_running(net: DevnetStatus, tmp_path: Path) -> None:
    home = tmp_path / "dead"
    config = DaemonConfig(
        home, genesis_path=Path(net.nodes[0].home) / "genesis.json", listen=LOOPBACK, gateway_port=None
    )
    process = subprocess.Popen([str(NEUROND), *launcher.daemon_arguments(config)], stderr=subprocess.PIPE)
    wait(lambda: final(home) == 0, "the node does not start")
    process.kill()
    process.communicate()
    for command in ("status", "peers", "down"):
        done = neurond(command, "--home", str(home))
        assert done.returncode in (0, 1)
        assert len((done.stderr or done.stdout).strip().splitlines()) == 1, done.stderr
    again = subprocess.Popen([str(NEUROND), *launcher.daemon_arguments(config)], stderr=subprocess.PIPE)
    try:
        wait(lambda: final(home) == 0, "the node does not start again over the old socket")
    finally:
        again.terminate()
        again.communicate(timeout=20)


# --- a full disk ------------------------------------------------------------------------------------------------------

QUOTA = """
import sys
from storage import chain
quota = int(sys.argv.pop(1))
opened = chain.open_database
chain.open_database = lambda path, kind, **how: opened(path, kind, **{**how, "bytes_max": quota})
from node.cli import main
sys.exit(main())
"""


def run_short_of_space(command: list[str], preexec: Callable[[], None] | None = None) -> tuple[int, str]:
    process = subprocess.run(
        command, capture_output=True, text=True, timeout=60, preexec_fn=preexec, start_new_session=True
    )  # fmt: skip
    return process.returncode, process.stderr


def test_a_full_disk_stops_the_node_with_one_sentence_and_nothing_is_lost(net: DevnetStatus, tmp_path: Path) -> None:
    home = tmp_path / "full"
    config = DaemonConfig(
        home,
        genesis_path=Path(net.nodes[0].home) / "genesis.json",
        listen=LOOPBACK,
        bootstrap=(address_of(net, 0), address_of(net, 1)),
        gateway_port=None,
    )
    arguments = launcher.daemon_arguments(config)
    process = subprocess.Popen([str(NEUROND), *arguments], stderr=subprocess.PIPE)
    wait(lambda: final(home) > 3, "the node does not follow")
    process.terminate()
    process.communicate(timeout=20)
    kept = stored(home)

    quota = (home / "chain.db").stat().st_size + 8192
    code, said = run_short_of_space([sys.executable, "-c", QUOTA, str(quota), *arguments])
    assert (code, len(said.strip().splitlines())) == (1, 1), said
    assert "is used up" in said
    assert "chain.db" in said
    assert kept.items() <= stored(home).items()

    limit = max(path.stat().st_size for path in home.iterdir() if path.is_file()) + 100 * 1024
    code, said = run_short_of_space(
        [str(NEUROND), *arguments], lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    assert (code, len(said.strip().splitlines())) == (1, 1), said
    assert "chain.db" in said
    assert kept.items() <= stored(home).items()

    process = subprocess.Popen([str(NEUROND), *arguments], stderr=subprocess.PIPE, text=True)
    try:
        wait(lambda: final(home) >= final(net.nodes[0].home) - 3 > 0, "the node does not go on with room again")
        assert kept.items() <= stored(home).items()
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert neurond("db", "check", "--home", str(home)).returncode == 0


def stored(home: Path) -> dict[int, bytes]:
    """The finalised chain in a home's database, by height."""
    with sqlite3.connect(f"file:{home}/chain.db?mode=ro", uri=True) as database:
        return dict(database.execute("SELECT height, hash FROM blocks WHERE finalised = 1").fetchall())


# --- sudden deaths ----------------------------------------------------------------------------------------------------

Said = tuple[str, bytes, tuple[int, ...]]


@dataclass
class Witness:
    """Everything authorities were heard to sign: by key and place, the different things said there."""

    genesis_hash: Hash
    said: dict[Said, set[bytes | BlockRef]] = field(default_factory=dict)

    def hear_block(self, _peer: str, data: bytes) -> Verdict:
        self.note_header(header_of(decode_news(data)))
        return Verdict.ACCEPT

    def note_header(self, header: Header) -> None:
        place: Said = ("block", header.proposer, (header.slot,))
        self.said.setdefault(place, set()).add(seal_message(self.genesis_hash, header))

    def hear_finality(self, _peer: str, data: bytes) -> Verdict:
        match decode_message(data):
            case Vote() as vote:
                place: Said = ("vote", vote.voter, (vote.set_id, vote.instance, vote.round, int(vote.step)))
                self.said.setdefault(place, set()).add(vote.block)
            case Proposal() as made:
                place = ("proposal", made.proposer, (made.set_id, made.instance, made.round))
                self.said.setdefault(place, set()).add(made.block)
        return Verdict.ACCEPT

    def double(self) -> list[Said]:
        return [place for place, said in self.said.items() if len(said) > 1]

    def count(self, kind: str) -> int:
        return sum(place[0] == kind for place in self.said)


async def kill_again_and_again(net: DevnetStatus, folder: Path, witness: Witness, times: int) -> None:
    """Kill the second authority at random moments of its life, a witness listening to everything that is said."""
    chance = random.Random(20)
    blocks, finality = topics(net)[:2]
    host = HostConfig(
        identity_path=folder / "witness", listen=LOOPBACK, bootstrap=(address_of(net, 0), address_of(net, 1))
    )
    async with open_host(host) as network:
        network.subscribe(blocks, witness.hear_block)
        network.subscribe(finality, witness.hear_finality)
        arguments = launcher.daemon_arguments(config_of(net, 1))
        process: subprocess.Popen[bytes] | None = None
        for _ in range(times):
            process = subprocess.Popen(
                [str(NEUROND), *arguments],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            await trio.sleep(chance.uniform(0.8, 2.4))
            with suppress(P2PError):
                await network.dial(address_of(net, 1), timeout_s=1)
            await trio.sleep(chance.uniform(0.0, 0.5))
            process.kill()
            process.wait()


def test_an_authority_that_is_killed_at_random_moments_never_signs_twice(net: DevnetStatus, tmp_path: Path) -> None:
    witness = Witness(Hash(bytes.fromhex(net.genesis_hash)))
    victim, other = net.nodes[1], net.nodes[0]
    running = devnet.ask_status(Path(victim.home))
    assert running is not None
    before = final(other.home)
    os.kill(running.pid, signal.SIGKILL)
    wait(lambda: devnet.ask_status(Path(victim.home)) is None, "the killed node still answers")
    trio.run(kill_again_and_again, net, tmp_path, witness, 10)
    launcher.start(config_of(net, 1), lambda step: None)
    goes_on(other, 4)
    wait(lambda: final(victim.home) >= final(other.home) - 3, "the victim does not catch up")
    for node in net.nodes:
        with sqlite3.connect(f"file:{node.home}/chain.db?mode=ro", uri=True) as database:
            for (raw,) in database.execute("SELECT header FROM blocks WHERE height > 0"):
                witness.note_header(decode_header(raw))
    assert witness.double() == []
    assert final(other.home) > before
    assert witness.count("block") > 10
    assert witness.count("vote") > 10
    assert len({signer for kind, signer, _ in witness.said if kind == "vote"}) == 2
