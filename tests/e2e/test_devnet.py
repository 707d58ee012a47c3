"""A running devnet as its users meet it: programs, people at a terminal, machines that join, and bad luck."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from node.control.options import DevnetNode, DevnetStatus
from node.service import devnet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
NEUROND = Path(sys.executable).with_name("neurond")


def neurond(*arguments: str, within_s: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a command as a person would; nothing of it may look like a traceback."""
    done = subprocess.run([str(NEUROND), *arguments], capture_output=True, text=True, timeout=within_s)
    assert "Traceback" not in done.stdout + done.stderr
    return done


def wait(condition: Callable[[], bool], what: str, within_s: float = 60) -> None:
    give_up_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < give_up_s, what
        time.sleep(0.2)


def final(node: DevnetNode) -> int:
    seen = devnet.ask_status(Path(node.home))
    return -1 if seen is None else seen.finalized_height


def test_the_real_openai_client_gets_a_plain_and_a_streamed_answer(net: DevnetStatus, model: str) -> None:
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(base_url=net.nodes[0].gateway_url, api_key="none")  # with its own two retries
    question = {"model": model, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 12}
    plain = client.chat.completions.create(**question)
    assert plain.usage.completion_tokens > 0
    assert plain.choices[0].finish_reason in ("stop", "length")
    pieces = list(client.chat.completions.create(**question, stream=True))
    assert pieces[-1].choices[0].finish_reason in ("stop", "length")
    with pytest.raises(openai.BadRequestError, match="max_tokens"):
        client.chat.completions.create(**{**question, "max_tokens": 0})
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(**{**question, "model": "no-such-model"})


def test_all_nodes_hold_one_state_and_every_stored_root_is_its_headers(net: DevnetStatus) -> None:
    wait(lambda: min(final(node) for node in net.nodes) > 5, "nothing becomes final")
    height = min(final(node) for node in net.nodes)
    hashes = set()
    for node in net.nodes:
        with sqlite3.connect(f"file:{node.home}/chain.db?mode=ro", uri=True) as database:
            query = "SELECT hash FROM blocks WHERE finalised = 1 AND height = ?"
            hashes.add(database.execute(query, (height,)).fetchone()[0])
    assert len(hashes) == 1


def test_a_machine_with_an_invite_joins_syncs_and_knows_the_network_again_after_a_restart(
    net: DevnetStatus, tmp_path: Path
) -> None:
    invite = json.loads(neurond("invite", "--home", net.nodes[0].home, "--json").stdout)["text"]
    home = str(tmp_path / "joiner")
    assert neurond("join", invite, "--home", home, "--listen", "/ip4/127.0.0.1/tcp/0").returncode == 0
    try:
        target = final(net.nodes[0])
        status = json.loads(neurond("status", "--home", home, "--json").stdout)
        assert status["genesis_hash"] == net.genesis_hash
        wait(lambda: (devnet.ask_status(Path(home)) or status).finalized_height >= target, "the joiner does not sync")
        assert neurond("down", "--home", home).returncode == 0
        assert neurond("up", "--home", home, "--listen", "/ip4/127.0.0.1/tcp/0").returncode == 0
        wait(lambda: (devnet.ask_status(Path(home)) or status).finalized_height > target, "it does not go on")
    finally:
        neurond("down", "--home", home)
    checked = neurond("db", "check", "--home", home)
    assert checked.returncode == 0, checked.stderr


def test_status_has_at_least_the_promised_keys(net: DevnetStatus) -> None:
    status = json.loads(neurond("status", "--home", net.nodes[1].home, "--json").stdout)
    promised = (
        "peer_id addresses network genesis_hash role height finalized_height finalized_hash state_root peers version"
    )
    assert set(promised.split()) <= set(status)


def test_a_second_daemon_on_one_home_is_refused_in_one_sentence(net: DevnetStatus) -> None:
    second = neurond("up", "--foreground", "--home", net.nodes[0].home)
    assert second.returncode == 1
    assert len(second.stderr.strip().splitlines()) == 1
    assert str(net.nodes[0].pid) in second.stderr


def test_a_taken_port_is_refused_in_one_sentence(net: DevnetStatus, tmp_path: Path) -> None:
    genesis = str(Path(net.nodes[0].home) / "genesis.json")
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        for arguments in (
            ("--listen", f"/ip4/127.0.0.1/tcp/{port}"),
            ("--listen", "/ip4/127.0.0.1/tcp/0", "--gateway-port", str(port)),
        ):
            failed = neurond("up", "--foreground", "--home", str(tmp_path / "h"), "--genesis", genesis, *arguments)
            assert failed.returncode == 1
            assert str(port) in failed.stderr
            assert len(failed.stderr.strip().splitlines()) == 1


def test_a_home_without_a_network_says_what_to_do(tmp_path: Path) -> None:
    failed = neurond("up", "--home", str(tmp_path / "empty"))
    assert failed.returncode == 1
    assert "neurond join" in failed.stderr


def test_a_killed_node_returns_and_a_damaged_database_is_refused_until_it_is_moved_aside(net: DevnetStatus) -> None:
    founded = devnet.open_devnet(Path(net.home))
    config = devnet.node_config(founded, founded.file.nodes[2], Path(net.home))
    home = net.nodes[2].home
    start = ["up", "--home", home, "--listen", config.listen[0], "--bootstrap", config.bootstrap[0]]
    start += ["--model", founded.file.model]
    victim = devnet.ask_status(Path(home))
    assert victim is not None
    os.kill(victim.pid, signal.SIGKILL)
    wait(lambda: devnet.ask_status(Path(home)) is None, "the killed node still answers")
    again = neurond(*start)
    assert again.returncode == 0, again.stderr
    assert final(net.nodes[2]) >= victim.finalized_height
    wait(lambda: final(net.nodes[2]) >= final(net.nodes[0]) - 3, "the killed node does not catch up")

    assert neurond("down", "--home", home).returncode == 0
    database = Path(home) / "chain.db"
    with closing(sqlite3.connect(database)) as connection:  # what is still in the log would heal the damage
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.write_bytes(database.read_bytes()[:4096] + os.urandom(database.stat().st_size - 4096))
    broken = neurond(*start, "--foreground")
    assert broken.returncode == 1
    assert "chain.db" in broken.stderr
    assert "aside" in broken.stderr

    database.rename(database.with_suffix(".damaged"))
    assert neurond(*start).returncode == 0
    wait(lambda: final(net.nodes[2]) >= final(net.nodes[0]) - 3 > 0, "the node does not fetch the chain anew")
