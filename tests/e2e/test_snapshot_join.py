"""A machine that joins a running network with a snapshot: real processes, real sockets."""

import json
import sqlite3
import time
from pathlib import Path

import pytest

from node.control.options import DevnetNode, DevnetStatus
from node.service import devnet
from tests.e2e.test_light import address_of, command

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def has_late_snapshot(node: DevnetNode) -> bool:
    files = (Path(node.home) / "snapshots").glob("*.snapshot")
    return any(path.stem.isdigit() and int(path.stem) > 1 for path in files)


def test_a_joiner_takes_the_state_from_its_peers_and_goes_on(net: DevnetStatus, tmp_path: Path) -> None:
    give_up_s = time.monotonic() + 120
    while not all(map(has_late_snapshot, net.nodes)):  # the first one, of block 1, proves nothing
        assert time.monotonic() < give_up_s, "no snapshot was made"
        time.sleep(0.5)
    home = tmp_path / "joiner"
    arguments = (
        "--home",
        str(home),
        "--listen",
        "/ip4/127.0.0.1/tcp/0",
        "--sync",
        "snapshot",
        "--gateway-port",
        "none",
    )
    joined = command("join", address_of(net, net.nodes[0]), *arguments, within_s=120)
    assert joined.returncode == 0, joined.stderr
    try:
        seen = devnet.ask_status(Path(net.nodes[0].home))
        assert seen is not None
        target = seen.finalized_height
        while (there := devnet.ask_status(home)) is None or there.finalized_height < target:
            assert time.monotonic() < give_up_s + 60, "the joiner does not go on"
            time.sleep(0.3)
        assert there.genesis_hash == net.genesis_hash
    finally:
        command("down", "--home", str(home), within_s=120)
    with sqlite3.connect(f"file:{home}/chain.db?mode=ro", uri=True) as database:
        heights = [row[0] for row in database.execute("SELECT height FROM blocks WHERE finalised = 1 ORDER BY height")]
    assert heights[0] == 0
    assert heights[1] > 1, "it executed the chain from genesis"
    assert heights[-1] >= target
    info = command("db", "info", "--home", str(home), "--json")
    assert info.returncode == 0, info.stderr
    assert json.loads(info.stdout)
    assert command("db", "check", "--home", str(home)).returncode == 0
