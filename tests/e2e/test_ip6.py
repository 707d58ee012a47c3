"""A devnet of real processes that listen on ::1 alone: it finalises, invites, is joined, knows that it is reached."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node.control import launcher
from node.control.options import DaemonConfig, DevnetOptions
from node.service import devnet
from tests.unit.p2p.test_ip6 import has_ip6

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not has_ip6(), reason="this machine has no ::1"),
]
NEUROND = Path(sys.executable).with_name("neurond")


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory, tiny_model: str) -> Iterator[list[Path]]:
    """Two authorities whose every address is of IPv6."""
    path = tmp_path_factory.mktemp("six")
    founded = devnet.found(DevnetOptions(path, nodes=2, slot_ms=500, tempo=12, model=tiny_model), lambda step: None)
    homes = [founded.home(entry) for entry in founded.file.nodes]
    try:
        for entry in founded.file.nodes:
            launcher.start(on_ip6(devnet.node_config(founded, entry, path / "models")), lambda step: None)
        devnet.wait_for_finality(founded, lambda step: None)
        yield homes
    finally:
        for home in homes:
            launcher.stop(home, lambda step: None)


def on_ip6(config: DaemonConfig) -> DaemonConfig:
    def six(addresses: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(address.replace("/ip4/127.0.0.1/", "/ip6/::1/") for address in addresses)

    return replace(config, listen=six(config.listen), bootstrap=six(config.bootstrap))


def neurond(home: Path, *arguments: str, within_s: float = 60) -> Any:
    done = subprocess.run(
        [str(NEUROND), *arguments, "--home", os.fspath(home), "--json"],
        capture_output=True,
        text=True,
        timeout=within_s,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def eventually(home: Path, what: str, *path: str, within_s: float = 40) -> Any:
    """What the status says under `path` once it is `what`."""
    give_up_s = time.monotonic() + within_s
    while True:
        found = neurond(home, "status")
        for name in path:
            found = found[name]
        if found == what:
            return found
        assert time.monotonic() < give_up_s, f"{'.'.join(path)} is {found!r}, not {what!r}"
        time.sleep(0.3)


def test_a_network_on_ip6_finalises_and_is_joined_by_invite(homes: list[Path], tmp_path: Path) -> None:
    invite = neurond(homes[0], "invite")
    assert [address.split("/")[1:3] for address in invite["addresses"]] == [["ip6", "::1"]]
    joiner = tmp_path / "joiner"
    try:
        neurond(joiner, "join", invite["text"], "--listen", "/ip6/::1/tcp/0", "--gateway-port", "none")
        eventually(joiner, "running", "state")
        assert neurond(joiner, "status")["finalized_height"] > 0
        ways = {peer["addresses"][0].split("/")[2] for peer in neurond(joiner, "peers", "list")}
        assert ways == {"::1"}
        eventually(joiner, "direct", "reachability", "state")
    finally:
        launcher.stop(joiner, lambda step: None)


def test_a_node_of_ip6_alone_finds_nothing_wrong_with_itself(homes: list[Path]) -> None:
    eventually(homes[0], "direct", "reachability", "state")
    checks = {check["name"]: check for check in neurond(homes[0], "doctor")["checks"]}
    network = [checks[name] for name in ("ports", "addresses", "reachability", "peers")]
    assert [check["state"] for check in network] == ["ok"] * 4, network
    assert "/ip6/::1/" in checks["reachability"]["found"]
