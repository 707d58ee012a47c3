"""A light client against real nodes over real sockets: it needs no node of its own, and a lying one is caught."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
import trio
from msgspec.structs import replace

import neurond
from node.control.options import DaemonConfig, DevnetNode, DevnetStatus
from node.service import devnet
from node.service.errors import NoFullNode
from node.sync.messages import PROTOCOL, Proofs, decode_answer, encode_answer
from p2p import HostConfig, Network, P2PError, Stream, open_host

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
NEUROND = Path(sys.executable).with_name("neurond")
LOOPBACK = ("/ip4/127.0.0.1/tcp/0",)


def command(*arguments: str, within_s: float = 60) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(NEUROND), *arguments], capture_output=True, text=True, timeout=within_s)
    assert "Traceback" not in done.stdout + done.stderr
    return done


def address_of(net: DevnetStatus, node: DevnetNode) -> str:
    founded = devnet.open_devnet(Path(net.home))
    number = [each.name for each in net.nodes].index(node.name)
    config: DaemonConfig = devnet.node_config(founded, founded.file.nodes[number], Path(net.home))
    return f"{config.listen[0]}/p2p/{node.peer_id}"


def wait_for_blocks(net: DevnetStatus, height: int) -> None:
    give_up_s = time.monotonic() + 60
    while (seen := devnet.ask_status(Path(net.nodes[0].home))) is None or seen.finalized_height < height:
        assert time.monotonic() < give_up_s, "nothing becomes final"
        time.sleep(0.2)


@contextmanager
def lying_node(real: str, folder: Path) -> Iterator[str]:
    """The address of a node that passes questions on to `real` and makes everybody richer in the answers."""
    addresses: list[str] = []
    ready, done = Event(), Event()

    async def main() -> None:
        front = HostConfig(identity_path=folder / "front.key", listen=LOOPBACK)  # knows nobody it could name
        back = HostConfig(identity_path=folder / "back.key", listen=LOOPBACK)
        async with open_host(front) as network, open_host(back) as behind:
            target = await behind.dial(real)
            network.serve(PROTOCOL, lambda stream: lie(behind, target, stream))
            addresses.extend(network.addresses)
            ready.set()
            while not done.is_set():
                await trio.sleep(0.05)

    thread = Thread(target=lambda: trio.run(main), daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield addresses[0]
    finally:
        done.set()
        thread.join(30)


async def lie(network: Network, target: str, stream: Stream) -> None:
    question = await stream.receive(4096)
    try:
        truth = await network.request(target, PROTOCOL, question, max_bytes=4 << 20)
    except P2PError:
        return await stream.reset()
    answer = decode_answer(truth)
    if isinstance(answer, Proofs):
        rows = tuple(replace(row, value=(row.value[0][:-1] + b"\x7f",)) if row.value else row for row in answer.rows)
        truth = encode_answer(replace(answer, rows=rows))
    await stream.send(truth)
    await stream.close_write()


def test_commands_of_a_light_client_agree_with_the_node_and_remember_whom_to_ask(
    net: DevnetStatus, tmp_path: Path
) -> None:
    wait_for_blocks(net, 3)
    home = str(tmp_path / "light")
    shown = command("light", "--json", "--home", home, "--peer", address_of(net, net.nodes[0]))
    assert shown.returncode == 0, shown.stderr
    status = json.loads(shown.stdout)
    assert status["genesis_hash"] == net.genesis_hash
    assert status["newest"]["height"] >= 3
    assert "genesis" in shown.stderr, "an address names no network, and that is said"
    node_status = devnet.ask_status(Path(net.nodes[0].home))
    assert node_status is not None
    coldkey = node_status.coldkey
    assert coldkey is not None
    balance = json.loads(command("light", "balance", coldkey, "--json", "--home", home).stdout)
    stakes = json.loads(command("light", "stakes", coldkey, "--json", "--home", home).stdout)
    with neurond.LightClient(tmp_path / "light" / "light") as client:
        graph = client.metagraph(1)
        assert client.neuron(1, 0).neuron == graph.metagraph.neurons[0]
        assert client.neuron(1, 200).neuron is None
        assert client.subnet(1).subnet.neurons == len(graph.metagraph.neurons)
        with pytest.raises(neurond.NodeError, match="subnet"):
            client.subnet(77)
    known = json.loads(command("metagraph", "1", "--json", "--home", net.nodes[0].home).stdout)
    assert balance["at"]["age_s"] < 60
    assert balance["balance_rao"] >= 0
    assert stakes["worth_rao"] > 0
    assert [each.hotkey for each in graph.metagraph.neurons] == [each["hotkey"] for each in known["neurons"]]
    assert sum(file.stat().st_size for file in (tmp_path / "light").rglob("*") if file.is_file()) < 64 * 1024


def test_a_lying_full_node_is_caught_by_the_sdk(net: DevnetStatus, tmp_path: Path) -> None:
    wait_for_blocks(net, 3)
    honest = address_of(net, net.nodes[0])
    node_status = devnet.ask_status(Path(net.nodes[0].home))
    assert node_status is not None
    assert node_status.coldkey is not None
    with lying_node(honest, tmp_path) as liar:
        with pytest.raises(NoFullNode):
            neurond.LightClient(tmp_path / "alone", [liar], genesis_hash=net.genesis_hash)
        with neurond.LightClient(tmp_path / "both", [liar, honest], genesis_hash=net.genesis_hash) as client:
            told = client.balance(node_status.coldkey)
            assert told.at.full_node in {node.peer_id for node in net.nodes}
            known = command("wallet", "balance", node_status.coldkey, "--json", "--home", net.nodes[0].home)
            assert abs(told.balance_rao - json.loads(known.stdout)["balance_rao"]) < 1000 * 10**9, "blocks pay a little"


def test_a_checkpoint_of_one_client_begins_another(net: DevnetStatus, tmp_path: Path) -> None:
    wait_for_blocks(net, 3)
    peer = ("--peer", address_of(net, net.nodes[0]), "--genesis-hash", net.genesis_hash)
    mark = command("light", "checkpoint", "--home", str(tmp_path / "one"), *peer).stdout.strip()
    begun = command("light", "status", "--json", "--home", str(tmp_path / "two"), *peer, "--checkpoint", mark)
    assert begun.returncode == 0, begun.stderr
    height, _, rest = mark.partition(":")
    other = f"{height}:{'00' * 32}:{rest.partition(':')[2]}"
    refused = command("light", "status", "--home", str(tmp_path / "three"), *peer, "--checkpoint", other)
    assert refused.returncode == 1
    assert len(refused.stderr.strip().splitlines()) == 1
    for wrong in ("nonsense", "1:2:3", f"-1:{rest}"):
        assert command("light", "--home", str(tmp_path / "four"), *peer, "--checkpoint", wrong).returncode == 1


def test_a_home_with_a_damaged_state_is_refused_in_one_sentence(net: DevnetStatus, tmp_path: Path) -> None:
    peer = ("--peer", address_of(net, net.nodes[0]), "--genesis-hash", net.genesis_hash)
    home = tmp_path / "light"
    assert command("light", "--home", str(home), *peer).returncode == 0
    (home / "light" / "light.state").write_bytes(b"\x95garbage")
    refused = command("light", "--home", str(home))
    assert refused.returncode == 1
    assert "light.state" in refused.stderr
    shutil.rmtree(home)
