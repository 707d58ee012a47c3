"""What a model takes and what there is: estimates bound what is opened, and a graphics card is not believed blindly."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from models import memory
from models.bundle import read_card
from models.card import read_tensor_card
from models.limits import MIB, MODEL_BASE_BYTES
from models.report import Report
from tests.unit.models.bundles import embedding_bundle


def test_an_open_graph_takes_its_files_and_more_or_what_its_check_measured(tmp_path: Path) -> None:
    bundle = embedding_bundle(tmp_path / "words")
    card, size = read_tensor_card(bundle), (bundle / "model.onnx").stat().st_size
    assert memory.tensor_need(card, bundle) >= size + MODEL_BASE_BYTES
    measured = msgspec.structs.replace(card, report=Report(memory_bytes=10**10))
    assert memory.tensor_need(measured, bundle) == 10**10


def test_a_text_model_takes_more_with_every_row_of_its_batch(bundle: Path) -> None:
    card = read_card(bundle)
    one, eight = memory.text_need(card, bundle, 1), memory.text_need(card, bundle, 8)
    shape = card.geometry
    row = shape.layers * 2 * shape.kv_heads * shape.context * shape.head_size * 4
    assert eight - one == pytest.approx(7 * row / 4, abs=8)


def test_fit_is_told_by_what_is_free_and_what_there_ever_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "total_bytes", lambda: 1000)
    monkeypatch.setattr(memory, "free_bytes", lambda: 300)
    assert [memory.fit(need) for need in (300, 301, 500, 501)] == ["yes", "tight", "tight", "no"]


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("echo '24564, 20000'", (24564 * MIB, 20000 * MIB)),
        ("echo '143771, 143000'; echo '1, 2'", (143771 * MIB, 143000 * MIB)),
        ("echo No devices were found", None),
        ("exit 9", None),
        ("printf '\\377, 1\\n'", None),
        (":", None),
        ("exec sleep 30", None),
    ],
)
def test_the_cards_memory_is_what_its_tool_says_or_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, found: tuple[int, int] | None
) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(memory, "GPU_QUESTION_TIMEOUT_S", 0.5)
    assert memory.gpu_bytes() == found


def test_without_a_tool_there_is_no_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert memory.gpu_bytes() is None
