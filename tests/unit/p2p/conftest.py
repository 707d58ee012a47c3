"""The worlds as fixtures."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from tests.unit.p2p.scene import Scene, open_scene
from tests.unit.p2p.worlds import Libp2pWorld, MemoryWorld, World, stop_all


@pytest.fixture
async def libp2p_world(nursery: trio.Nursery, tmp_path: Path) -> AsyncIterator[Libp2pWorld]:
    world = Libp2pWorld(nursery, tmp_path)
    yield world
    await stop_all(world)


@pytest.fixture(params=["memory", "libp2p"])
async def world(request: pytest.FixtureRequest, nursery: trio.Nursery, tmp_path: Path) -> AsyncIterator[World]:
    if request.param == "memory":
        yield MemoryWorld(nursery)
        return
    libp2p = Libp2pWorld(nursery, tmp_path)
    yield libp2p
    await stop_all(libp2p)


@pytest.fixture
async def scene(libp2p_world: Libp2pWorld) -> Scene:
    return await open_scene(libp2p_world)
