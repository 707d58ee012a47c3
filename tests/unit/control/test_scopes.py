"""A connection that asked only to read changes nothing, whatever it sends afterwards."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.control.api import HelloRequest, PeerBanRequest, ShutdownRequest, StatusRequest
from node.control.client_async import AsyncClient
from node.control.errors import RemoteError
from node.control.methods import METHODS
from node.control.protocol import encode_call
from node.control.route_api import RouteRequest
from node.control.schema import API_VERSION
from node.control.scopes import OPERATING, READING, allows
from tests.unit.control.fake import Served, served
from tests.unit.control.test_server import Raw


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as serving:
        yield serving


def test_every_method_either_reads_or_operates() -> None:
    assert set(METHODS) == READING | OPERATING, "name a new method in node/control/scopes.py"
    assert not READING & OPERATING


def test_a_reader_is_refused_what_changes_anything_and_cannot_widen_itself(node: Served, tmp_path: Path) -> None:
    raw = Raw(tmp_path)
    raw.say(encode_call(1, HelloRequest("reader", API_VERSION, "read")))
    assert "result" in raw.hear()
    raw.say(encode_call(2, StatusRequest()))
    assert "result" in raw.hear()
    raw.say(encode_call(3, HelloRequest("reader", API_VERSION, "operate")))
    assert "result" in raw.hear()
    for number, request in enumerate((ShutdownRequest(), PeerBanRequest("12D3")), 4):
        raw.say(encode_call(number, request))
        error = raw.hear()["error"]
        assert error["data"]["code"] == "out_of_scope"  # type: ignore[index]
        assert "--read-only" in error["data"]["hint"]  # type: ignore[index]
    raw.close()
    assert node.server.counters()["refused"] == 2


def test_the_client_of_a_window_that_only_reads_is_refused_and_another_one_is_not(node: Served, tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncClient(tmp_path, scope="read") as reader, AsyncClient(tmp_path) as operator:
            assert (await reader.status()).pid
            with pytest.raises(RemoteError) as refused:
                await reader.shutdown()
            assert refused.value.view.code == "out_of_scope"
            assert (await operator.shutdown()).within_s > 0

    asyncio.run(main())


def test_a_hello_without_a_scope_is_as_it_always_was() -> None:
    assert b"scope" not in encode_call(1, HelloRequest("x", API_VERSION))


def test_of_paths_only_those_that_are_got_are_reading() -> None:
    assert allows("read", "route", RouteRequest("GET", "/v1/models"))
    assert not allows("read", "route", RouteRequest("POST", "/v1/models"))
    assert not allows("read", "what is not known", None)
