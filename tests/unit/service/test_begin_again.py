"""A whole node in this process that opens everything anew when it is to begin at a snapshot, and stops when told."""

from pathlib import Path

import pytest
import trio

from node.control.options import DaemonConfig
from node.ledger.genesis import format_genesis
from node.service.app import Node, Running
from node.service.home import Home
from node.service.logbook import open_log
from tests.unit.service.network import spec_of

pytestmark = pytest.mark.usefixtures("no_defect_is_logged")


async def opened(node: Node, before: Running | None) -> Running:
    """Wait until the node runs with other parts than `before`."""
    with trio.fail_after(30):
        while node.running is None or node.running is before or node.state != "running":
            await trio.sleep(0.02)
    return node.running


async def test_a_node_that_is_to_begin_again_opens_everything_anew_and_still_stops(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.genesis.write_bytes(format_genesis(spec_of(1, 1)))
    config = DaemonConfig(tmp_path, listen=("/ip4/127.0.0.1/tcp/0",), gateway_port=None, mdns=False)
    node = Node(config, open_log(home.log, also_stderr=False))
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(node.run)
            first = await opened(node, None)
            node.begin_again.set()
            second = await opened(node, first)
            assert second.chain is not first.chain
            assert second.chain.store.tip() is not None, "the new store is open"
            assert second.network.peer_id == first.network.peer_id
            node.stop.set()
    assert node.running is None
    assert node.state == "stopping"
