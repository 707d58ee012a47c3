"""The gateway inside a node: what it owes to its keys outlives the way a node stops."""

from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import trio

from node.gateway.keys import new_key
from node.service.app import cancelled_nursery
from node.service.web import open_gateway
from storage import StorageError
from storage.keys import KeyStore
from tests.unit.gateway.doors import QUESTION, FakeDoor


@pytest.mark.parametrize("begins_again", [False, True])
async def test_what_a_key_pays_is_kept_when_the_node_stops_in_the_middle_of_its_answer(
    tmp_path: Path, begins_again: bool
) -> None:
    path, door = tmp_path / "gateway.db", FakeDoor(stalled=True, came_to_rao=300)
    row, secret = new_key("test", ("invoke",), 0, 0, 800, 1)
    with KeyStore.open(path) as store:
        store.add(row)
    node: Any = SimpleNamespace(
        home=SimpleNamespace(gateway=path), config=SimpleNamespace(gateway_port=0), stop=trio.Event()
    )
    running: Any = SimpleNamespace(services=SimpleNamespace(door=None, doors=lambda: {1: door}))

    async def ask() -> None:
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {secret}"}) as client:
            with pytest.raises(httpx.HTTPError):
                await client.post(f"{running.gateway_url}/chat/completions", json=QUESTION, timeout=30)

    async with trio.open_nursery() as clients, AsyncExitStack() as stack:
        nursery = await stack.enter_async_context(cancelled_nursery())
        await open_gateway(node, running, nursery)
        clients.start_soon(ask)
        while not door.asked:
            await trio.sleep(0.01)
        if not begins_again:
            node.stop.set()
    with KeyStore.open(path) as store:
        assert [each.rao for each in store.usage(0, 2**20, key_id=row.id)] == [300]


async def test_a_database_that_cannot_be_read_says_so_as_itself(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    path.write_bytes(b"no database " * 100)
    node: Any = SimpleNamespace(
        home=SimpleNamespace(gateway=path), config=SimpleNamespace(gateway_port=0), stop=trio.Event()
    )
    async with trio.open_nursery() as nursery:
        with pytest.raises(StorageError):
            await open_gateway(node, node, nursery)
