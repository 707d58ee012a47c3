"""Promises of /metrics: what Prometheus can read, the same names always, and no label that a stranger chooses."""

import logging
import math

import httpx
import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families

from node.gateway.app import Gateway
from node.gateway.exposition import Family, by_label, exposition, gauge
from node.gateway.limits import METRIC_SAMPLES_MAX
from node.gateway.server import bind, run_gateway
from tests.unit.gateway.doors import QUESTION, FakeDoor

NODE = (
    gauge("chain_height_blocks", "Height.", 2**53 + 1),
    by_label("p2p_events_total", "counter", "Events.", "event", {"gossip.in": 3, "dials": 1}),
)


def parsed(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_is_written_is_what_prometheus_reads() -> None:
    nasty = 'back\\slash "quotes" and\nnewline'
    families = (
        *NODE,
        Family("odd", "gauge", nasty, {(("text", nasty), ("b", "")): -1.5}),
        gauge("endless", "Infinite.", math.inf),
    )
    found = parsed(exposition(families).decode())
    assert found["neurond_chain_height_blocks", ()] == 2**53 + 1
    assert found["neurond_p2p_events_total", (("event", "gossip.in"),)] == 3
    assert found["neurond_odd", (("b", ""), ("text", nasty))] == -1.5
    assert found["neurond_endless", ()] == math.inf


def test_a_family_never_has_more_series_than_its_bound() -> None:
    family = by_label("many", "gauge", "Many.", "n", {str(number): number for number in range(10_000)})
    assert len(parsed(exposition([family]).decode())) == METRIC_SAMPLES_MAX


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the gateway says in the log."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    monkeypatch.setattr(logging.getLogger("neurond.gateway"), "handlers", [handler])
    monkeypatch.setattr(logging.getLogger("neurond.gateway"), "level", logging.INFO)
    return lines


@pytest.fixture
async def client(told: list[str], nursery: trio.Nursery) -> httpx.AsyncClient:
    stop = trio.Event()

    async def start(*, task_status: trio.TaskStatus[str]) -> None:
        await run_gateway(Gateway(lambda: [FakeDoor()], metrics=lambda: NODE), bind(0), stop, task_status=task_status)

    url = await nursery.start(start)
    return httpx.AsyncClient(base_url=url.removesuffix("/v1"), timeout=10)


async def test_the_log_says_where_it_listens_and_nothing_of_keys(told: list[str], client: httpx.AsyncClient) -> None:
    async with client:
        assert told == [f"listening on {str(client.base_url).rstrip('/')}"]


async def test_the_node_and_the_gateways_traffic_are_told(client: httpx.AsyncClient) -> None:
    async with client:
        await client.get("/v1/models")
        await client.post("/v1/chat/completions", json=QUESTION)
        await client.post("/v1/chat/completions", content=b"{")
        reply = await client.get("/metrics")
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = parsed(reply.text)
    assert found["neurond_chain_height_blocks", ()] == 2**53 + 1
    chat = "/v1/chat/completions"
    total = "neurond_gateway_requests_total"
    assert found[total, (("route", "/v1/models"), ("status", "200"))] == 1
    assert found[total, (("route", chat), ("status", "200"))] == 1
    assert sum(value for (name, labels), value in found.items() if name == total and ("route", chat) in labels) == 2
    assert found["neurond_gateway_request_seconds_total", (("route", chat),)] > 0
    assert found["neurond_gateway_requests_under_way", ()] == 1  # this one


async def test_paths_that_strangers_invent_are_one_series(client: httpx.AsyncClient) -> None:
    async with client:
        for number in range(20):
            await client.get(f"/no/such/path/{number}")
        found = parsed((await client.get("/metrics")).text)
    routes = {dict(labels)["route"] for name, labels in found if name == "neurond_gateway_requests_total"}
    assert routes == {"other"}


async def test_a_web_page_of_another_name_reads_no_metrics(client: httpx.AsyncClient) -> None:
    async with client:
        reply = await client.get("/metrics", headers={"host": "evil.example:80"})
    assert reply.status_code == 403
