"""Promises of API keys: who may ask what, how much, what a refusal says, and that no limit can be talked around."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from node.gateway.keys import KeyBook, new_key
from node.market.errors import CallBroken, InsufficientBudget
from node.subnets.doors import Empty, LocalRoute, Scope
from storage.keys import KeyStore, UseRow
from tests.unit.gateway.doors import FORMS, QUESTION, RECEIPT, FakeDoor, serving

NOON_MS = 1_767_268_800_000  # 2026-01-01T12:00:00Z


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KeyStore]:
    with KeyStore.open(tmp_path / "gateway.db") as opened:
        yield opened


def key(
    store: KeyStore, *scopes: Scope, per_minute: int = 0, per_day: int = 0, rao_per_day: int = 0, name: str = "test"
) -> tuple[str, str]:
    """Make a key; its id and its secret."""
    row, secret = new_key(name, scopes or ("read", "invoke"), per_minute, per_day, rao_per_day, 1)
    store.add(row)
    return row.id, secret


def error(reply: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = reply.json()["error"]
    return found


async def test_without_any_key_work_is_open_and_nothing_can_be_changed_or_spent(store: KeyStore) -> None:
    door = FakeDoor()
    async with serving(door, store=store, key="none") as client:
        assert (await client.post("/chat/completions", json=QUESTION)).status_code == 200
        for reply in (await client.get("/keys"), await client.post("/keys", json={"name": "mine"})):
            assert reply.status_code == 401
            assert error(reply)["code"] == "invalid_api_key"
    assert door.spend == [0]
    assert not store.any()


async def test_the_first_key_closes_the_gateway_and_revoking_it_opens_nothing(store: KeyStore) -> None:
    async with serving(FakeDoor(), store=store) as client:
        assert (await client.get("/models")).status_code == 200
        key_id, secret = key(store)
        refused = await client.get("/models")
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        alone = {"authorization": secret}
        for headers in ({"authorization": f"Bearer {secret}"}, {"x-api-key": secret}, alone):
            assert (await client.get("/models", headers=headers)).status_code == 200
        for wrong in ("Bearer nrd-wrong", f"Basic {secret}", "Bearer", "Bearer " + "x" * 5000, secret + "x"):
            assert (await client.get("/models", headers={"authorization": wrong})).status_code == 401
        store.revoke(key_id, 5)
        for headers in ({}, {"authorization": f"Bearer {secret}"}):
            assert (await client.get("/models", headers=headers)).status_code == 401
        assert (await client.get("/health")).status_code == 200


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [(("read",), (200, 403, 403)), (("invoke",), (200, 200, 403)), (("admin",), (200, 200, 200))],
)
async def test_each_scope_allows_its_part(
    store: KeyStore, scopes: tuple[Scope, ...], allowed: tuple[int, int, int]
) -> None:
    _, secret = key(store, *scopes)
    async with serving(FakeDoor(), store=store, key=secret) as client:
        replies = [
            await client.get("/models"),
            await client.post("/chat/completions", json=QUESTION),
            await client.get("/keys"),
        ]
    assert tuple(reply.status_code for reply in replies) == allowed
    assert all(error(reply)["code"] == "key_forbidden" for reply in replies if reply.status_code == 403)


async def test_a_route_of_a_subnet_needs_the_scope_it_names(store: KeyStore) -> None:
    async def deploy(host: object, request: Empty) -> dict[str, bool]:
        return {"done": True}

    door = FakeDoor(local_routes=(LocalRoute("POST", "/v1/chutes", deploy, Empty, scope="admin"),))
    async with serving(door, store=store) as client:
        assert (await client.post("/chutes", json={})).status_code == 401
        _, invoke = key(store)
        _, admin = key(store, "admin")
        for secret, status in ((invoke, 403), (admin, 200)):
            reply = await client.post("/chutes", json={}, headers={"authorization": f"Bearer {secret}"})
            assert reply.status_code == status


async def test_a_minutes_limit_says_when_it_begins_anew(store: KeyStore) -> None:
    now = [NOON_MS + 30_500]
    _, secret = key(store, per_minute=2)
    async with serving(FakeDoor(), store=store, key=secret, clock_ms=lambda: now[0]) as client:
        assert [(await client.get("/models")).status_code for _ in range(3)] == [200, 200, 429]
        refused = await client.post("/chat/completions", json=QUESTION)
        assert refused.headers["retry-after"] == "30"
        assert error(refused)["code"] == "rate_limit_exceeded"
        wanted = {"limit_name": "requests_per_minute", "limit": 2, "used": 2, "remaining": 0}
        assert {name: error(refused)[name] for name in wanted} == wanted
        assert error(refused)["reset_at"] == "2026-01-01T12:01:00Z"
        now[0] += 30_000
        assert (await client.get("/models")).status_code == 200


async def test_a_days_limit_survives_a_restart_of_the_gateway(store: KeyStore) -> None:
    _, secret = key(store, per_day=2)
    async with serving(FakeDoor(), store=store, key=secret, clock_ms=lambda: NOON_MS) as client:
        assert (await client.get("/models")).status_code == 200
        assert (await client.post("/chat/completions", json=QUESTION)).status_code == 200
    async with serving(FakeDoor(), store=store, key=secret, clock_ms=lambda: NOON_MS) as client:
        refused = await client.get("/models")
        assert refused.status_code == 429
        assert error(refused)["reset_at"] == "2026-01-02T00:00:00Z"
    async with serving(FakeDoor(), store=store, key=secret, clock_ms=lambda: NOON_MS + 86_400_000) as client:
        assert (await client.get("/models")).status_code == 200


async def test_money_is_reserved_for_running_calls_and_ends_as_insufficient_quota(store: KeyStore) -> None:
    key_id, secret = key(store, rao_per_day=800)
    door = FakeDoor(paid_rao=400)
    async with serving(door, store=store, key=secret, clock_ms=lambda: NOON_MS) as client:
        assert (await client.post("/chat/completions", json=QUESTION)).status_code == 200
        assert (await client.post("/chat/completions", json=QUESTION)).status_code == 200
        refused = await client.post("/chat/completions", json=QUESTION)
    assert door.spend == [100, 50]
    assert refused.status_code == 429
    assert (error(refused)["code"], error(refused)["type"]) == ("insufficient_quota", "insufficient_quota")
    assert store.used(key_id, NOON_MS // 86_400_000)[1] == 800
    free = FakeDoor()
    _, cheap = key(store)
    async with serving(free, store=store, key=cheap) as client:
        await client.post("/chat/completions", json=QUESTION)
    assert free.spend == [0]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_pays_out_of_its_keys_budget_what_its_call_came_to(
    store: KeyStore, stream: bool
) -> None:
    key_id, secret = key(store, rao_per_day=800)
    door = FakeDoor(stalled=True, came_to_rao=800)
    async with serving(door, store=store, key=secret, clock_ms=lambda: NOON_MS) as client:
        with trio.move_on_after(0.5):
            await client.post("/chat/completions", json={**QUESTION, "stream": stream})
        with trio.fail_after(5):
            await door.left.wait()
        refused = await client.post("/chat/completions", json=QUESTION)
    assert (refused.status_code, error(refused)["code"]) == (429, "insufficient_quota")
    assert store.used(key_id, NOON_MS // 86_400_000)[1] == 800


async def test_what_a_failed_miner_gave_back_stays_in_the_keys_budget(store: KeyStore) -> None:
    key_id, secret = key(store, rao_per_day=800)
    door = FakeDoor(paid_rao=100, fail_at=1, error=CallBroken("Broken."), came_to_rao=0)
    async with serving(door, store=store, key=secret, clock_ms=lambda: NOON_MS) as client:
        assert (await client.post("/chat/completions", json=QUESTION)).status_code == 502
    assert store.used(key_id, NOON_MS // 86_400_000)[1] == 0


async def test_calls_at_the_same_time_never_reserve_more_than_there_is(store: KeyStore) -> None:
    row, _ = new_key("test", ("invoke",), 0, 0, 1000, 1)
    store.add(row)
    book = KeyBook(store, lambda: NOON_MS)
    from node.gateway.keys import Caller

    caller = Caller(row.id, frozenset(("invoke",)), row)
    reserved = [book.reserve(caller) for _ in range(40)]
    assert sum(reserved) <= 1000
    for amount in reserved:
        book.settle(caller, amount, UseRow(row.id, book.today(), "m", 1))
    assert book.reserve(caller) == reserved[0]  # what was not spent is free again


async def test_a_budget_error_of_the_node_names_what_is_missing(store: KeyStore) -> None:
    missing = InsufficientBudget("No.", required_rao=5, available_rao=2, topup_address="5F")
    async with serving(FakeDoor(fail_at=0, error=missing)) as client:
        reply = await client.post("/chat/completions", json=QUESTION)
    assert reply.status_code == 429
    told = error(reply)
    assert (told["code"], told["required_rao"], told["available_rao"], told["topup_address"]) == (
        "insufficient_quota", 5, 2, "5F",
    )  # fmt: skip


async def test_keys_are_made_seen_and_revoked_over_http(store: KeyStore) -> None:
    _, secret = key(store, "admin")
    async with serving(FakeDoor(), store=store, key=secret) as client:
        made = await client.post("/keys", json={"name": "shop", "scopes": ["invoke"], "rao_per_day": 7})
        assert made.status_code == 201
        body = made.json()
        theirs = {"authorization": f"Bearer {body['key']}"}
        assert (await client.post("/chat/completions", json=QUESTION, headers=theirs)).status_code == 200
        listed = await client.get("/keys")
        assert body["id"] in {each["id"] for each in listed.json()["data"]}
        assert body["key"] not in listed.text
        assert (await client.get(f"/keys/{body['id']}")).json()["rao_per_day"] == 7
        assert (await client.delete(f"/keys/{body['id']}")).json()["deleted"] is True
        assert (await client.delete(f"/keys/{body['id']}")).status_code == 404
        assert (await client.post("/chat/completions", json=QUESTION, headers=theirs)).status_code == 401
        wrongs: tuple[Any, ...] = (
            {"name": ""},
            {"name": "a", "scopes": ["all"]},
            {"name": "a", "colour": 1},
            {"name": "a\n"},
            [],
        )
        for wrong in wrongs:
            reply = await client.post("/keys", json=wrong)
            assert reply.status_code == 400, wrong


async def test_use_is_told_to_its_key_and_all_of_it_to_admin(store: KeyStore) -> None:
    key_id, secret = key(store)
    _, admin = key(store, "admin")
    async with serving(FakeDoor(paid_rao=0), store=store, key=secret, clock_ms=lambda: NOON_MS) as client:
        for _ in range(2):
            await client.post("/chat/completions", json=QUESTION)
    async with serving(FakeDoor(fail_at=0, error=CallBroken("No.")), store=store, clock_ms=lambda: NOON_MS) as client:
        mine, theirs = {"authorization": f"Bearer {secret}"}, {"authorization": f"Bearer {admin}"}
        day = (await client.get("/usage", headers=mine)).json()
        assert (day["from"], day["to"]) == ("2025-12-03", "2026-01-01")
        assert day["data"] == [
            {"day": "2026-01-01", "requests": 2, "prompt_tokens": 6, "completion_tokens": 4, "units": 0, "paid_rao": 0}
        ]
        assert (await client.post("/chat/completions", json=QUESTION, headers=theirs)).status_code == 502
        await trio.sleep(1.5)
        by_key = (await client.get("/usage?group=key&from=2026-01-01&to=2026-01-01", headers=theirs)).json()["data"]
        assert {each["key"] for each in by_key} > {key_id}
        for query in ("from=2026-13-01", "from=2026-01-02&to=2026-01-01", "group=hour", "from=2020-01-01", "x=1"):
            assert (await client.get(f"/usage?{query}", headers=mine)).status_code == 400
        early = await client.get("/usage?to=0001-01-05", headers=mine)
        assert (early.status_code, early.json()["from"]) == (200, "0001-01-01")


async def test_balance_and_receipts_come_from_the_node() -> None:
    class Books:
        async def balance(self) -> dict[str, int]:
            return {"free_rao": 5}

        async def receipt(self, digest: bytes) -> dict[str, str] | None:
            return {"digest": digest.hex()} if digest == b"\x09" * 32 else None

    async with serving(FakeDoor(), ledger=Books()) as client:
        assert (await client.get("/balance")).json() == {"free_rao": 5}
        assert (await client.get(f"/receipts/{'09' * 32}")).json() == {"digest": "09" * 32}
        assert (await client.get(f"/receipts/{'08' * 32}")).status_code == 404
        assert (await client.get("/receipts/zz")).status_code == 400
    async with serving(FakeDoor()) as client:
        assert (await client.get("/balance")).status_code == 404


def test_forms_of_the_fake_are_the_four() -> None:
    assert len({route.path for route in FORMS}) == 4


async def test_an_answer_is_reported_by_its_receipt_with_a_key_that_may_have_work_done(store: KeyStore) -> None:
    _, secret = key(store)
    _, reader = key(store, "read", name="reader")
    path = f"/receipts/{RECEIPT.hex()}/report"
    async with serving(FakeDoor(), store=store) as http:
        told = await http.post(path, headers={"authorization": f"Bearer {secret}"})
        assert told.status_code == 200
        assert (told.json()["outcome"], told.json()["credited_rao"]) == ("wrong", 7)
        refused = await http.post(path, headers={"authorization": f"Bearer {reader}"})
        assert (refused.status_code, error(refused)["code"]) == (403, "key_forbidden")
        for other, status in (("00" * 32, 404), ("zz", 400)):
            wrong = await http.post(f"/receipts/{other}/report", headers={"authorization": f"Bearer {secret}"})
            assert (wrong.status_code, error(wrong)["param"]) == (status, "digest")
