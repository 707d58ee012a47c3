"""Promises of the gateway's database: hashes only, limits that add up, answers that expire, and bounds on all of it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from storage.errors import OutOfBounds
from storage.keys import OTHER_MODELS, KeyRow, KeyStore, ReplyRow, UseRow
from storage.limits import KEYS_MAX, REPLY_BYTES_MAX, USAGE_DAYS_KEPT, USAGE_MODELS_PER_DAY_MAX

KEY = KeyRow("k1", "laptop", b"\x01" * 32, "read invoke", 60, 1000, 5, 1)
REPLY = ReplyRow("k1", "once", b"\x02" * 32, 200, b"[]", b"{}", 1000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KeyStore]:
    with KeyStore.open(tmp_path / "gateway.db") as opened:
        yield opened


def test_a_key_is_found_by_its_hash_and_revoked_for_ever(store: KeyStore) -> None:
    assert not store.any()
    store.add(KEY)
    assert store.find(KEY.digest) == KEY == store.get("k1")
    assert store.find(b"\x03" * 32) is None
    assert store.set_limits("k1", 1, 2, 3)
    assert store.revoke("k1", 9)
    assert not store.revoke("k1", 10)
    assert not store.set_limits("k1", 1, 2, 4)
    assert store.get("k1") == replace(KEY, per_minute=1, per_day=2, rao_per_day=3, revoked_at_ms=9)
    assert store.any()  # a gateway that had keys never stands open because the last one was revoked
    store.forget_keys()
    assert not store.any()


def test_keys_are_bounded_and_only_revoked_ones_make_room(store: KeyStore) -> None:
    for number in range(KEYS_MAX):
        store.add(replace(KEY, id=f"k{number}", digest=number.to_bytes(32, "big")))
    with pytest.raises(OutOfBounds):
        store.add(replace(KEY, id="more", digest=b"\xff" * 32))
    store.revoke("k7", 5)
    store.add(replace(KEY, id="more", digest=b"\xff" * 32))
    assert store.get("k7") is None
    assert len(store.all_keys()) == KEYS_MAX


@pytest.mark.parametrize(
    "wrong",
    [
        {"digest": b"short"},
        {"name": "two\nlines"},
        {"name": "x" * 65},
        {"id": ""},
        {"per_day": -1},
        {"rao_per_day": 2**63},
    ],
)
def test_a_key_out_of_bounds_is_not_stored(store: KeyStore, wrong: dict[str, object]) -> None:
    with pytest.raises(OutOfBounds):
        store.add(replace(KEY, **wrong))  # type: ignore[arg-type]
    assert not store.any()


def test_use_adds_up_by_day_and_survives_a_restart(store: KeyStore, tmp_path: Path) -> None:
    store.add(KEY)
    store.add_use([UseRow("k1", 100, "a", 1, 10, 20, 0, 7), UseRow("k1", 100, "b", 1, 1, 1, 0, 2)], 50)
    store.add_use([UseRow("k1", 100, "a", 1, 10, 20, 3, 7), UseRow("", 100, "a", 1)], 60)
    with KeyStore.open(tmp_path / "gateway.db") as again:
        assert again.used("k1", 100) == (3, 16)
        assert again.used("k1", 101) == (0, 0)
        assert again.usage(100, 100, key_id="k1")[0] == UseRow("k1", 100, "a", 2, 20, 40, 3, 14)
        assert len(again.usage(0, 200)) == 3
        found = again.get("k1")
        assert found is not None
        assert found.last_used_at_ms == 60


def test_use_is_bounded_in_models_and_days(store: KeyStore) -> None:
    store.add_use([UseRow("k1", 10, f"model-{number}", 1) for number in range(USAGE_MODELS_PER_DAY_MAX + 5)], 1)
    rows = store.usage(10, 10)
    assert len(rows) == USAGE_MODELS_PER_DAY_MAX + 1
    assert {row.model: row.requests for row in rows}[OTHER_MODELS] == 5
    store.add_use([UseRow("k1", 11 + USAGE_DAYS_KEPT, "a", 1)], 1)
    assert store.usage(0, 10) == []


def test_a_kept_answer_comes_back_until_it_expires(store: KeyStore) -> None:
    assert store.keep_reply(REPLY)
    assert store.reply("k1", "once", 999) == REPLY
    assert store.reply("k2", "once", 999) is None
    assert store.reply("k1", "once", 1000) is None
    store.drop_expired(1000)
    assert store.reply("k1", "once", 0) is None


def test_kept_answers_are_bounded_in_size_number_and_sum(store: KeyStore, tmp_path: Path) -> None:
    assert not store.keep_reply(replace(REPLY, body=bytes(REPLY_BYTES_MAX + 1)))
    with KeyStore.open(tmp_path / "small.db") as opened:
        small = KeyStore(opened._database, replies_bytes=1000)
        for number in range(4):
            assert small.keep_reply(replace(REPLY, name=str(number), body=bytes(400)))
        assert [small.reply("k1", str(number), 0) is not None for number in range(4)] == [False, False, True, True]
    with KeyStore.open(tmp_path / "few.db") as opened:
        few = KeyStore(opened._database, replies_kept=2)
        for number in range(3):
            few.keep_reply(replace(REPLY, name=str(number)))
        assert [few.reply("k1", str(number), 0) is not None for number in range(3)] == [False, True, True]
