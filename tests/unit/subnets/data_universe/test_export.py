"""Data sets: the layout that readers expect, nobody's name in it, and readers that open it where they are there."""

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from node.subnets.data_universe import exporting
from node.subnets.data_universe.anonymise import COLUMNS, encoded, iso_of, masked
from node.subnets.data_universe.card import Sums, card, size_category
from node.subnets.data_universe.entities import Source, make_entity
from node.subnets.data_universe.errors import ExportFailed
from node.subnets.data_universe.exporting import Exported, export
from node.subnets.data_universe.forms import hour_iso, view_of
from node.subnets.data_universe.rehearsal import TRUTH
from node.subnets.data_universe.shelf import Shelf
from storage.entities_rows import EntityQuery

MINUTE = 28_400_000
ROWS = 2500


def filled(folder: Path) -> Shelf:
    shelf = Shelf(folder)
    made = [
        make_entity(
            f"https://e.example/{n}", Source.FEED, "a | b" if n % 3 else "news: today", MINUTE + n % 500,
            f"ann{n % 7}", f'Row {n}, "quoted", with ann{n}@mail.example and @bob, ünï\u4e16',
        )
        for n in range(ROWS)
    ]  # fmt: skip
    shelf.take_in([entity for entity in made if entity is not None])
    shelf.seal(b"h" * 32)  # type: ignore[arg-type]
    return shelf


def written(tmp_path: Path, **more: int) -> tuple[Path, Exported]:
    shelf = filled(tmp_path / "shelf")
    folder = tmp_path / "set"
    made = export(shelf.store, folder, EntityQuery(limit=10**9), name='A "set": of data', **more)  # type: ignore[arg-type]
    shelf.close()
    return folder, made


def lines_of(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for path in sorted(folder.glob("data/*.jsonl")) for line in path.read_text().splitlines()]


def test_a_data_set_has_the_layout_its_card_and_its_statistics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "find_spec", lambda _name: None)
    folder, made = written(tmp_path, shard_rows=1000)
    assert made.files == ("README.md", *(f"data/train-0000{n}-of-00003.jsonl" for n in range(3)), "stats.json")
    rows = lines_of(folder)
    assert (made.rows, len(rows)) == (ROWS, ROWS)
    assert all(tuple(row) == COLUMNS for row in rows)
    stats = json.loads((folder / "stats.json").read_text())
    assert stats["version"] == "2.0.0"
    assert stats["summary"]["total_rows"] == ROWS
    assert sum(topic["total_count"] for topic in stats["topics"]) == ROWS
    assert sum(topic["total_percentage"] for topic in stats["topics"]) == pytest.approx(100, abs=0.01)
    header = yaml.safe_load((folder / "README.md").read_text().split("---")[1])
    assert header["size_categories"] == ["1K<n<10K"]
    assert header["pretty_name"] == 'A "set": of data'
    assert header["configs"][0]["data_files"][0]["path"] == "data/train-*.jsonl"


def test_nobody_is_named_and_two_data_sets_cannot_be_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "find_spec", lambda _name: None)
    shelf = filled(tmp_path / "shelf")
    sets = []
    for name in ("one", "two"):
        export(shelf.store, tmp_path / name, EntityQuery(limit=100), name=name)
        sets.append(lines_of(tmp_path / name))
        text = "".join(path.read_text() for path in (tmp_path / name).rglob("*.*") if path.is_file())
        assert not [word for word in ("mail.example", "@bob", "e.example", '"ann') if word in text]
    shelf.close()
    assert len({row["username_encoded"] for row in sets[0]}) == 7, "authors can be told apart"
    assert not {row["username_encoded"] for row in sets[0]} & {row["username_encoded"] for row in sets[1]}
    assert all(row["datetime"].endswith(":00Z") for row in sets[0])


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("write to a.b+c@d-e.example.org now", "write to [email] now"),
        ("thanks @ann_b and @c@social.example!", "thanks [user] and [user]!"),
        ("u/someone said", "[user] said"),
        ("call +49 (30) 1234-5678 or 030 12345678", "call [phone] or [phone]"),
        ("in 2023 it cost 1,500 on 2023-12-24, v1.2.3", "in 2023 it cost 1,500 on 2023-12-24, v1.2.3"),
        ("a @ b, x@", "a @ b, x@"),
    ],
)
def test_contacts_in_texts_are_masked_and_numbers_are_not(text: str, plain: str) -> None:
    assert masked(text) == plain


def test_a_name_without_its_key_is_another_one() -> None:
    assert encoded(b"a" * 32, "ann") != encoded(b"b" * 32, "ann")
    assert encoded(b"a" * 32, "") == ""
    assert len(encoded(b"a" * 32, "ann")) == 32


def test_a_folder_with_something_in_it_and_a_selection_of_nothing_are_refused(tmp_path: Path) -> None:
    shelf = filled(tmp_path / "shelf")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("mine")
    with pytest.raises(ExportFailed, match="holds something"):
        export(shelf.store, tmp_path / "full", EntityQuery(), name="x")
    with pytest.raises(ExportFailed, match="No row"):
        export(shelf.store, tmp_path / "none", EntityQuery(label="nothing"), name="x")
    assert not (tmp_path / "none").exists()
    assert (tmp_path / "full" / "x").read_text() == "mine"
    assert not list(tmp_path.glob(".*"))
    shelf.close()


def test_names_and_labels_cannot_write_into_the_cards_header() -> None:
    sums = Sums(rows=1, first=MINUTE, last=MINUTE)
    sums.labels["x | y\n---\nlicense: evil"] += 1
    text = card("evil\n---\nlicense: mit\nTITLE ROWS", "other", sums, "jsonl")
    assert yaml.safe_load(text.split("\n---\n")[0].removeprefix("---"))["license"] == "other"
    assert [size_category(rows) for rows in (1, 5000, 10**6)] == ["n<1K", "1K<n<10K", "1M<n<10M"]


# --- readers --------------------------------------------------------------------------------------------------------

needs = {name: pytest.mark.skipif(find_spec(name) is None, reason=f"{name} is not installed") for name in
         ("datasets", "duckdb", "pandas", "pyarrow", "huggingface_hub")}  # fmt: skip


@needs["pyarrow"]
@needs["datasets"]
def test_datasets_opens_it(tmp_path: Path) -> None:
    import datasets

    folder, _ = written(tmp_path)
    found = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    assert (found.num_rows, tuple(found.column_names)) == (ROWS, COLUMNS)
    assert found[0]["text"].startswith("Row ")


@needs["duckdb"]
def test_duckdb_opens_it(tmp_path: Path) -> None:
    import duckdb

    folder, made = written(tmp_path)
    count = duckdb.sql(
        f"SELECT count(*), count(DISTINCT username_encoded) FROM '{folder}/data/*.{made.format}'"
    ).fetchall()[0]
    assert count == (ROWS, 7)


@needs["pandas"]
def test_pandas_opens_it(tmp_path: Path) -> None:
    import pandas

    folder, made = written(tmp_path)
    read = pandas.read_parquet if made.format == "parquet" else lambda path: pandas.read_json(path, lines=True)
    frame = read(next((folder / "data").iterdir()))
    assert len(frame) == ROWS
    assert tuple(frame.columns) == COLUMNS


@needs["huggingface_hub"]
def test_the_hub_accepts_its_card(tmp_path: Path) -> None:
    from huggingface_hub import DatasetCard

    folder, _ = written(tmp_path)
    card_read = DatasetCard.load(folder / "README.md")
    assert card_read.data.pretty_name == 'A "set": of data'
    assert card_read.data.license == "other"
    assert card_read.data.to_dict()["size_categories"] == ["1K<n<10K"]


def test_a_time_that_no_calendar_has_is_told_as_the_last_one() -> None:
    """Rows and wishes come from strangers: none may keep this node from showing the others."""
    row = replace(TRUTH[0], minute=2**32 - 1)
    row.check()
    assert view_of(row).datetime == "9999-12-31T23:59:00Z"
    assert hour_iso(2**62) == "9999-12-31T23:59:00Z"
    assert hour_iso(480_000) == iso_of(60 * 480_000) == "2024-10-04T00:00:00Z"
