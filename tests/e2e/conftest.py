"""Devnets of real processes for end-to-end tests, with a tiny seeded model and no network beyond loopback."""

import os
import time
from collections.abc import Iterator

import httpx
import pytest

from node.control.options import DevnetOptions, DevnetStatus
from node.service import devnet
from tests.unit.models.synthetic import tiny_bundle


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a model bundle that is made here in a moment."""
    return os.fspath(tiny_bundle(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory, tiny_model: str) -> Iterator[DevnetStatus]:
    """Two authorities that validate, one honest miner and one that answers at random."""
    home = tmp_path_factory.mktemp("devnet")
    options = DevnetOptions(home, nodes=3, slot_ms=500, tempo=12, cheaters=("random",), model=tiny_model)
    try:
        yield devnet.up(options, lambda step: None)
    finally:
        devnet.down(home, lambda step: None)


@pytest.fixture(scope="module")
def model(net: DevnetStatus) -> str:
    """The model that the network serves, once somebody does: before it there is nothing that could answer."""
    deadline_s = time.monotonic() + 90
    while time.monotonic() < deadline_s:
        for found in httpx.get(f"{net.nodes[0].gateway_url}/models", timeout=30).json()["data"]:
            if found["miners"]:
                return str(found["id"])
        time.sleep(0.5)
    raise AssertionError("no miner came online")
