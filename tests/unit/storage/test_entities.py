"""The store of collected rows: a place once, a content once a bucket, and snapshots that can still be asked about."""

from pathlib import Path

import pytest

from storage.entities import BATCH_ROWS_MAX, EntityStore
from storage.entities_rows import BucketName, EntityQuery, EntityRow, Ingested
from storage.entities_search import make_searchable, search
from storage.errors import DiskFull, OutOfBounds

HOUR = 480_000


def row(
    n: int, text: str = "", *, label: str = "news", hour: int = HOUR, author: str = "ann", uri: int = -1
) -> EntityRow:
    content = text or f"text number {n}"
    place = f"https://e.example/{n if uri < 0 else uri}"
    return EntityRow(
        place, place.encode()[-16:].rjust(16), 1, label, hour, hour * 60 + n % 60, author, content,
        content.encode()[-16:].rjust(16), len(content),
    )  # fmt: skip


def seal(store: EntityStore, salt: bytes = b"s") -> int:
    return store.seal(lambda rows: b"".join(each.text_hash for each in rows)[:32], salt)


def test_a_place_is_known_once_and_its_new_content_replaces_the_old(tmp_path: Path) -> None:
    with EntityStore.open(tmp_path / "e.db") as store:
        assert store.ingest([row(1), row(2)]) == Ingested(2, 0, 0)
        assert store.ingest([row(1), row(2)]) == Ingested(0, 0, 2)
        assert store.ingest([row(1, "other words")]) == Ingested(0, 1, 0)
        assert store.count() == 2
        assert {found.row.content for found in search(store, EntityQuery())} == {"other words", "text number 2"}


def test_a_content_is_known_once_a_bucket_and_again_in_another(tmp_path: Path) -> None:
    with EntityStore.open(tmp_path / "e.db") as store:
        assert store.ingest([row(1, "same"), row(2, "same")]) == Ingested(1, 0, 1)
        assert store.ingest([row(3, "same", label="other"), row(4, "same", hour=HOUR + 1)]) == Ingested(2, 0, 0)


def test_a_batch_that_names_a_place_twice_keeps_one(tmp_path: Path) -> None:
    with EntityStore.open(tmp_path / "e.db") as store:
        assert store.ingest([row(1, "a"), row(1, "b")]).new == 1


def test_a_snapshot_can_be_asked_about_until_two_later_ones(tmp_path: Path) -> None:
    name = BucketName(1, "news", HOUR)
    with EntityStore.open(tmp_path / "e.db") as store:
        store.ingest([row(1), row(2)])
        first = seal(store)
        before = store.bucket_rows(name, first)
        store.ingest([row(1, "changed"), row(3)])
        assert store.bucket_rows(name, first) == before
        second = seal(store)
        assert store.bucket_rows(name, first) == before
        assert {each.content for each in store.bucket_rows(name, second)} == {
            "text number 2",
            "changed",
            "text number 3",
        }
        seal(store)
        assert len(store.bucket_rows(name, first)) == 1, "the replaced row is deleted"


def test_rows_that_expire_leave_with_the_next_snapshot(tmp_path: Path) -> None:
    with EntityStore.open(tmp_path / "e.db") as store:
        store.ingest([row(1, hour=HOUR - 100), row(2)])
        first = seal(store)
        assert store.expire(HOUR - 50) == 1
        assert len(list(store.sealed())) == 2
        second = seal(store)
        assert [each.name.hour for each in store.sealed()] == [HOUR]
        assert len(store.bucket_rows(BucketName(1, "news", HOUR - 100), first)) == 1
        assert store.bucket_rows(BucketName(1, "news", HOUR - 100), second) == []


def test_whole_buckets_can_be_dropped(tmp_path: Path) -> None:
    with EntityStore.open(tmp_path / "e.db") as store:
        store.ingest([row(1), row(2, label="b"), row(3, label="b")])
        seal(store)
        assert store.drop([BucketName(1, "b", HOUR)]) == 2
        seal(store)
        assert [each.name.label for each in store.sealed()] == ["news"]


def test_only_changed_buckets_are_sealed_anew_unless_the_salt_changes(tmp_path: Path) -> None:
    sealed: list[int] = []

    def root(rows: list[EntityRow]) -> bytes:
        sealed.append(len(rows))
        return b"r"

    with EntityStore.open(tmp_path / "e.db") as store:
        store.ingest([row(1), row(2, label="b")])
        store.seal(root, b"one")
        store.ingest([row(3, label="b")])
        store.seal(root, b"one")
        assert sealed == [1, 1, 2]
        store.seal(root, b"two")
        assert sorted(sealed[3:]) == [1, 2]


def test_a_restart_between_the_steps_of_a_seal_loses_nothing(tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    def killed(rows: list[EntityRow]) -> bytes:
        raise Killed

    with EntityStore.open(tmp_path / "e.db") as store:
        store.ingest([row(1)])
        with pytest.raises(Killed):
            store.seal(killed, b"s")
    with EntityStore.open(tmp_path / "e.db") as store:
        number = seal(store)
        assert [each.rows for each in store.sealed()] == [1]
        assert len(store.bucket_rows(BucketName(1, "news", HOUR), number)) == 1


def test_a_search_finds_by_words_label_author_time_and_place_newest_first(tmp_path: Path) -> None:
    with EntityStore.open(tmp_path / "e.db") as store:
        store.ingest([
            row(1, "red apple pie"), row(2, "green apple", author="Bob"), row(3, "green pear", label="fruit"),
            row(4, "late apple", hour=HOUR + 5),
        ])  # fmt: skip
        make_searchable(store)

        def found(query: EntityQuery) -> list[str]:
            return [each.row.content for each in search(store, query)]

        assert found(EntityQuery(words=("apple",))) == ["late apple", "green apple", "red apple pie"]
        assert found(EntityQuery(words=("green", "apple"), all_words=True)) == ["green apple"]
        assert found(EntityQuery(authors=("bob",))) == ["green apple"]
        store.ingest([row(5, "ripe plum", author="Élise Ω")])
        assert found(EntityQuery(authors=("Élise Ω",))) == ["ripe plum"]
        assert found(EntityQuery(label="fruit")) == ["green pear"]
        assert found(EntityQuery(start=(HOUR + 5) * 60)) == ["late apple"]
        assert found(EntityQuery(words=("apple",), limit=1)) == ["late apple"]
        last = search(store, EntityQuery(words=("apple",), limit=1))[0].id
        assert found(EntityQuery(words=("apple",), before=last)) == ["green apple", "red apple pie"]


@pytest.mark.parametrize("words", ['"', "a OR", "content:x", "NEAR(", "*", "a\x00b", "-", "' ; drop table entity"])
def test_nothing_a_person_writes_is_part_of_the_query_language(tmp_path: Path, words: str) -> None:
    with EntityStore.open(tmp_path / "e.db") as store:
        store.ingest([row(1)])
        make_searchable(store)
        assert search(store, EntityQuery(words=(words,))) == []


@pytest.mark.parametrize("words", [("snake_case",), ("_a_b_",), ("\u0e01\u19b1\u0e02",), ("__init__", "zebra")])
def test_a_word_of_several_pieces_is_looked_for_by_its_pieces(tmp_path: Path, words: tuple[str, ...]) -> None:
    with EntityStore.open(tmp_path / "e.db") as store:
        store.ingest([row(1, f"about {' '.join(words)} and more"), row(2, "nothing of it")])
        make_searchable(store)
        for all_words in (True, False):
            found = search(store, EntityQuery(words=words, all_words=all_words))
            assert [each.row.content for each in found] == [f"about {' '.join(words)} and more"]


def test_deleted_rows_leave_the_full_text_index(tmp_path: Path) -> None:
    with EntityStore.open(tmp_path / "e.db") as store:
        store.ingest([row(1, "unique zebra", hour=HOUR - 100), row(2)])
        assert make_searchable(store) == 2
        seal(store)
        store.expire(HOUR)
        for _ in range(3):
            seal(store)
        store.ingest([row(9, "another animal")])
        make_searchable(store)
        assert search(store, EntityQuery(words=("zebra",))) == []
        store.database.integrity_check()


def test_a_full_budget_refuses_a_batch_as_a_whole(tmp_path: Path) -> None:
    with EntityStore.open(tmp_path / "e.db", bytes_max=256 * 1024) as store:
        store.ingest([row(n) for n in range(100)])
        with pytest.raises(DiskFull):
            store.ingest([row(n, f"{n} " * 400) for n in range(1000, 3000)])
        assert store.count() == 100


def test_a_batch_is_bounded(tmp_path: Path) -> None:
    with EntityStore.open(tmp_path / "e.db") as store, pytest.raises(OutOfBounds):
        store.ingest([row(0)] * (BATCH_ROWS_MAX + 1))


def test_another_process_may_read_while_this_one_writes(tmp_path: Path) -> None:
    with EntityStore.open(tmp_path / "e.db") as store:
        store.ingest([row(1)])
        seal(store)
        with EntityStore.open_to_read(tmp_path / "e.db") as reader:
            store.ingest([row(2)])
            assert [each.label for each in reader.labels()] == ["news"]
            assert reader.count() == 2


def test_two_processes_take_rows_in_and_no_promise_changes_afterwards(tmp_path: Path) -> None:
    name = BucketName(1, "news", HOUR)
    with EntityStore.open(tmp_path / "e.db") as node, EntityStore.open(tmp_path / "e.db") as command:
        node.ingest([row(1)])
        first = seal(node)
        command.ingest([row(2)])
        assert len(node.bucket_rows(name, first)) == 1
        assert len(node.bucket_rows(name, seal(node))) == 2
