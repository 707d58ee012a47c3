"""A miner and a validator of whom neither can be dialled, as real daemons: both work, over connections they make
themselves, over a relay, and over the direct way that they find through it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node.control import launcher
from node.control.options import DevnetOptions, DevnetStatus
from node.service import devnet
from tests.e2e.test_devnet import final, neurond, wait

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def small_net(tmp_path_factory: pytest.TempPathFactory, tiny_model: str) -> Iterator[DevnetStatus]:
    """Two authorities that validate, and one miner: whatever is answered, it answered."""
    home = tmp_path_factory.mktemp("devnet")
    try:
        yield devnet.up(DevnetOptions(home, nodes=3, slot_ms=500, tempo=12, model=tiny_model), lambda step: None)
    finally:
        devnet.down(home, lambda step: None)


def status(home: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(neurond("status", "--home", home, "--json").stdout)
    return found


def restart_outbound(net: DevnetStatus, number: int, role: str) -> None:
    """Start a node of the devnet again as one that listens nowhere and knows only the first."""
    founded, home = devnet.open_devnet(Path(net.home)), net.nodes[number].home
    first = devnet.node_config(founded, founded.file.nodes[number], Path(net.home)).bootstrap[0]
    launcher.stop(Path(home), lambda step: None)  # its parent is this process, which has to see it end
    again = neurond(
        "up", "--home", home, "--listen", "none", "--no-mdns", "--role", role,
        "--model", founded.file.model, "--bootstrap", first,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr


def test_a_miner_that_listens_nowhere_answers_a_validator_that_listens_nowhere(small_net: DevnetStatus) -> None:
    _, validator, miner = small_net.nodes
    restart_outbound(small_net, 2, "miner")
    restart_outbound(small_net, 1, "validator")
    for node in (validator, miner):
        wait(lambda: status(node.home)["reachability"]["state"] == "relayed", "it gets no place on a relay")  # noqa: B023
        circuits = status(node.home)["addresses"]
        assert circuits
        assert all(address.endswith(f"/p2p-circuit/p2p/{node.peer_id}") for address in circuits)

    def are_neighbours() -> bool:
        return miner.peer_id in neurond("peers", "--home", validator.home, "--json").stdout

    wait(are_neighbours, "the validator does not find the miner")
    before = final(validator)
    wait(lambda: final(validator) > before + 5, "the chain stands still")

    def is_answered() -> bool:
        return neurond("ask", "hello", "--home", validator.home).returncode == 0

    wait(is_answered, "the only miner does not answer")
    assert neurond("ask", "hello", "--home", small_net.nodes[0].home).returncode == 0
