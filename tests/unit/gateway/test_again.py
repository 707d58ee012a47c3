"""Promises of the Idempotency-Key: done once, told again, never mixed up."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trio

from node.market.errors import CallBroken
from storage.keys import KeyStore
from tests.unit.gateway.doors import QUESTION, FakeDoor, serving

ONCE = {"idempotency-key": "order-7"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KeyStore]:
    with KeyStore.open(tmp_path / "gateway.db") as opened:
        yield opened


@pytest.mark.parametrize("stream", [False, True])
async def test_the_same_request_gets_the_same_bytes_and_no_second_call(store: KeyStore, stream: bool) -> None:
    door, body = FakeDoor(), {**QUESTION, "stream": stream}
    async with serving(door, store=store) as client:
        first = await client.post("/chat/completions", json=body, headers=ONCE)
        second = await client.post("/chat/completions", json=body, headers=ONCE)
    async with serving(door, store=store) as client:  # also after a restart
        third = await client.post("/chat/completions", json=body, headers=ONCE)
    assert first.content == second.content == third.content
    assert (first.status_code, second.status_code) == (200, 200)
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == third.headers["idempotency-replayed"] == "true"
    assert first.headers["content-type"] == second.headers["content-type"]
    assert len(door.asked) == 1


async def test_the_name_with_another_request_is_a_conflict(store: KeyStore) -> None:
    door = FakeDoor()
    async with serving(door, store=store) as client:
        await client.post("/chat/completions", json=QUESTION, headers=ONCE)
        other = await client.post("/chat/completions", json={**QUESTION, "seed": 1}, headers=ONCE)
    assert other.status_code == 409
    assert len(door.asked) == 1


async def test_a_twin_of_a_running_request_is_a_conflict(store: KeyStore) -> None:
    door = FakeDoor(stalled=True)

    async with serving(door, store=store) as client, trio.open_nursery() as nursery:
        nursery.start_soon(_post, client)
        while not door.asked:
            await trio.sleep(0.01)
        twin = await client.post("/chat/completions", json=QUESTION, headers=ONCE)
        assert twin.status_code == 409
        nursery.cancel_scope.cancel()
    assert len(door.asked) == 1


async def _post(client: httpx.AsyncClient) -> None:
    await client.post("/chat/completions", json=QUESTION, headers=ONCE)


@pytest.mark.parametrize("fail_at", [0, 1])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_is_not_kept_so_that_it_can_be_tried_again(store: KeyStore, stream: bool, fail_at: int) -> None:
    door, body = FakeDoor(fail_at=fail_at, error=CallBroken("Broken.")), {**QUESTION, "stream": stream}
    async with serving(door, store=store) as client:
        failed = await client.post("/chat/completions", json=body, headers=ONCE)
        assert "Broken." in failed.text
        door.fail_at = None
        again = await client.post("/chat/completions", json=body, headers=ONCE)
    assert "Broken." not in again.text
    assert len(door.asked) == 2


@pytest.mark.parametrize("name", ["x" * 129, "tab\tin", ""])
async def test_a_name_out_of_form_is_refused_or_none(store: KeyStore, name: str) -> None:
    async with serving(FakeDoor(), store=store) as client:
        reply = await client.post("/chat/completions", json=QUESTION, headers={"idempotency-key": name})
    assert reply.status_code == (400 if name else 200)
