"""What the chain store promises about blocks, finality, state and reads."""

import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from storage import ChainStore, Closed, Commit, Inconsistent, OutOfBounds, Tip
from storage.limits import BLOCKS_PER_READ_MAX, BODY_BYTES_MAX, STATE_VALUE_BYTES_MAX
from tests.unit.storage.build import block, final, number_hash


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChainStore]:
    with ChainStore.open(tmp_path / "chain.sqlite") as opened:
        yield opened


def test_an_empty_store_has_nothing(store: ChainStore) -> None:
    assert store.tip() is None
    assert store.block(number_hash(0)) is None
    assert store.hash_at(0) is None
    assert store.blocks_from(0, 10) == []
    assert store.unfinalised() == []
    assert store.latest_certificate() is None
    assert store.state_get(bytes(32)) is None
    assert list(store.state_rows()) == []
    assert store.meta("network") is None
    assert store.transaction(bytes(32)) is None


def test_a_commit_is_read_back_in_all_its_parts_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "chain.sqlite"
    key, other = number_hash(7), number_hash(8)
    with ChainStore.open(path) as store:
        store.commit(
            Commit(
                blocks=(block(0), block(1), block(1, fork=1, parent_fork=0)),
                finalised=((0, number_hash(0)),),
                certificates=((0, number_hash(0), b"proof"),),
                state={key: b"value", other: b""},
                events=((0, 1, b"second"), (0, 0, b"first")),
                transactions=((number_hash(70), 0, 3),),
                meta={"network": b"devnet"},
            )
        )
    with ChainStore.open(path) as store:
        assert store.tip() == Tip(0, number_hash(0))
        assert store.block(number_hash(1, 1)) == block(1, fork=1, parent_fork=0)
        assert store.has_block(number_hash(1))
        assert not store.has_block(number_hash(2))
        assert store.unfinalised() == [block(1), block(1, fork=1, parent_fork=0)]
        certificate = store.certificate(0)
        assert certificate is not None
        assert (certificate.height, certificate.block, certificate.certificate) == (0, number_hash(0), b"proof")
        assert store.latest_certificate() == certificate
        assert dict(store.state_rows()) == {key: b"value", other: b""}
        assert store.state_get(key) == b"value"
        assert store.state_get(other) == b""
        assert store.events_at(0) == [b"first", b"second"]
        assert store.transaction(number_hash(70)) == (0, 3)
        assert store.meta("network") == b"devnet"
        store.integrity_check()
        assert store.size_bytes() > 4096


def test_a_block_that_is_known_already_is_left_as_it_is(store: ChainStore) -> None:
    store.commit(final(0))
    store.commit(Commit(blocks=(replace(block(0), body=b"forged"),)))
    assert store.block(number_hash(0)) == block(0)
    assert store.unfinalised() == []


def test_finality_moves_along_one_line_and_losing_forks_go(store: ChainStore) -> None:
    store.commit(final(0))
    store.commit(Commit(blocks=(block(1), block(2), block(1, fork=1, parent_fork=0))))
    store.commit(
        Commit(finalised=((1, number_hash(1)), (2, number_hash(2))), drop_blocks=(number_hash(1, 1), number_hash(99)))
    )
    assert store.tip() == Tip(2, number_hash(2))
    assert [row.height for row in store.blocks_from(0, 10)] == [0, 1, 2]
    assert store.unfinalised() == []
    assert not store.has_block(number_hash(1, 1))


@pytest.mark.parametrize(
    ("commit", "word"),
    [
        (Commit(finalised=((1, number_hash(1)),)), "not stored"),
        (Commit(blocks=(block(2),), finalised=((2, number_hash(2)),)), "no child"),
        (Commit(blocks=(block(1, fork=1),), finalised=((1, number_hash(1, 1)),)), "no child"),
        (Commit(blocks=(block(0, fork=1),), finalised=((0, number_hash(0, 1)),)), "no child"),
        (Commit(blocks=(block(1),), finalised=((3, number_hash(1)),)), "height"),
        (Commit(drop_blocks=(number_hash(0),)), "cannot be dropped"),
        (Commit(certificates=((1, number_hash(1), b"c"),)), "not final"),
        (Commit(blocks=(block(1),), certificates=((1, number_hash(1), b"c"),)), "not final"),
        (Commit(blocks=(block(1),), state={bytes(32): b"early"}), "finalises none"),
        (Commit(events=((0, 0, b"early"),)), "finalises none"),
    ],
)
def test_a_commit_that_contradicts_the_store_writes_nothing(store: ChainStore, commit: Commit, word: str) -> None:
    store.commit(final(0, {bytes(32): b"genesis"}))
    with pytest.raises(Inconsistent, match=word):
        store.commit(replace(commit, meta={"trace": b"left"}))
    assert store.tip() == Tip(0, number_hash(0))
    assert store.unfinalised() == []
    assert store.state_get(bytes(32)) == b"genesis"
    assert store.meta("trace") is None
    assert store.latest_certificate() is None


@pytest.mark.parametrize(
    "commit",
    [
        Commit(blocks=(replace(block(0), hash=b"short"),)),
        Commit(blocks=(replace(block(0), parent=b""),)),
        Commit(blocks=(replace(block(0), body=bytes(BODY_BYTES_MAX + 1)),)),
        Commit(blocks=(replace(block(0), height=-1),)),
        Commit(blocks=(replace(block(0), slot=2**63),)),
        replace(final(0), state={b"short": b""}),
        replace(final(0), state={bytes(32): bytes(STATE_VALUE_BYTES_MAX + 1)}),
        replace(final(0), transactions=((b"short", 0, 0),)),
        replace(final(0), events=((0, -1, b""),)),
        replace(final(0), events=((0, 0, bytes(64 * 1024 + 1)),)),
        replace(final(0), certificates=((0, number_hash(0), bytes(256 * 1024 + 1)),)),
        Commit(meta={"x" * 65: b""}),
        Commit(meta={"x": bytes(1024 * 1024 + 1)}),
    ],
)
def test_values_beyond_the_bounds_are_refused_and_nothing_is_written(store: ChainStore, commit: Commit) -> None:
    with pytest.raises(OutOfBounds, match="The store takes"):
        store.commit(commit)
    assert store.tip() is None
    assert store.unfinalised() == []


def test_state_follows_a_plain_dictionary_through_random_changes(store: ChainStore) -> None:
    chance = random.Random(5)
    model: dict[bytes, bytes] = {}
    keys = [chance.randbytes(32) for _ in range(60)]
    for height in range(40):
        change: dict[bytes, bytes | None] = {
            key: (None if chance.random() < 0.4 else chance.randbytes(chance.randrange(50)))
            for key in chance.sample(keys, chance.randrange(20))
        }
        store.commit(final(height, change))
        for key, value in change.items():
            if value is None:
                model.pop(key, None)
            else:
                model[key] = value
        assert list(store.state_rows()) == sorted(model.items())
    assert all(store.state_get(key) == model.get(key) for key in keys)


@pytest.mark.parametrize("prefix", [b"", b"\x00", b"\x01", b"\x01\xff", b"\xff", b"\xff\xff", b"\xfe\xff\xff"])
def test_state_rows_of_a_prefix_are_exactly_those_that_start_with_it(store: ChainStore, prefix: bytes) -> None:
    chance = random.Random(9)
    edges = [b"\x00", b"\x01", b"\x01\xff", b"\x02", b"\xfe\xff\xff", b"\xff", b"\xff\xff", b"\xff\xff\xff"]
    paths = {edge.ljust(32, filler) for edge in edges for filler in (b"\x00", b"\xff")}
    paths |= {chance.randbytes(32) for _ in range(50)}
    store.commit(final(0, {path: path[:4] for path in paths}))
    found = [path for path, _ in store.state_rows(prefix)]
    assert found == sorted(path for path in paths if path.startswith(prefix))


def test_state_rows_are_one_snapshot_while_commits_go_on(store: ChainStore) -> None:
    before = {number_hash(i): b"old" for i in range(500)}
    store.commit(final(0, dict(before)))
    rows = store.state_rows()
    first = next(rows)
    store.commit(final(1, dict.fromkeys(before, b"new")))
    assert dict([first, *rows]) == before
    assert set(dict(store.state_rows()).values()) == {b"new"}


def test_a_pinned_tip_keeps_its_state_and_certificate_while_commits_go_on(store: ChainStore) -> None:
    with store.pinned() as nothing:
        assert nothing is None
    path = number_hash(7)
    store.commit(final(0, {path: b"old"}))
    with store.pinned() as tip:
        store.commit(replace(final(1, {path: b"new"}), certificates=((1, number_hash(1), b"proof"),)))
        assert tip is not None
        assert (tip.height, tip.hash, tip.header, tip.certificate) == (0, number_hash(0), block(0).header, None)
        assert (tip.get(path), tip.get(number_hash(8))) == (b"old", None)
    with store.pinned() as tip:
        assert tip is not None
        assert (tip.height, tip.certificate, tip.get(path)) == (1, b"proof", b"new")


def test_abandoned_scans_give_their_readers_back(store: ChainStore) -> None:
    store.commit(final(0, {number_hash(i): b"v" for i in range(50)}))
    for _ in range(40):
        rows = store.state_rows()
        next(rows)
        rows.close()  # type: ignore[attr-defined]
    assert store.state_get(number_hash(3)) == b"v"


def test_a_read_of_blocks_is_bounded_by_count_and_bytes(store: ChainStore) -> None:
    for height in range(6):
        store.commit(final(height))
    assert [row.height for row in store.blocks_from(2, 3)] == [2, 3, 4]
    one = len(block(0).header) + len(block(0).body)
    assert [row.height for row in store.blocks_from(0, 6, bytes_max=3 * one)] == [0, 1, 2]
    assert [row.height for row in store.blocks_from(0, 6, bytes_max=1)] == [0]
    assert store.blocks_from(0, -1) == []
    assert len(store.blocks_from(0, BLOCKS_PER_READ_MAX * 10)) == 6


def test_blocks_that_are_not_final_are_not_served_as_chain(store: ChainStore) -> None:
    store.commit(final(0))
    store.commit(Commit(blocks=(block(1),)))
    assert [row.height for row in store.blocks_from(0, 10)] == [0]
    assert store.hash_at(1) is None


def test_many_threads_read_whole_commits_while_one_writes(store: ChainStore) -> None:
    keys = [number_hash(i) for i in range(20)]
    store.commit(final(0, dict.fromkeys(keys, b"0")))
    torn: list[object] = []
    stop = threading.Event()

    def look() -> None:
        try:
            while not stop.is_set():
                values = {value for _, value in store.state_rows()}
                if len(values) != 1 or store.state_get(keys[0]) is None:
                    torn.append(values)
        except BaseException as error:
            torn.append(error)

    threads = [threading.Thread(target=look) for _ in range(12)]
    for thread in threads:
        thread.start()
    for height in range(1, 40):
        store.commit(final(height, {key: str(height).encode() for key in keys}))
    stop.set()
    for thread in threads:
        thread.join()
    assert torn == []


def test_a_closed_store_says_so_and_closes_twice(tmp_path: Path) -> None:
    store = ChainStore.open(tmp_path / "chain.sqlite")
    store.commit(final(0))
    store.close()
    store.close()
    with pytest.raises(Closed):
        store.tip()
    with pytest.raises(Closed):
        store.commit(final(1))


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "chain.sqlite"
    with ChainStore.open(path) as store:
        store.commit(final(0))
        modes = {found.name: found.stat().st_mode & 0o777 for found in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700
