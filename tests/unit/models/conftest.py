"""Shared tiny model: built once, opened once."""

from __future__ import annotations

from pathlib import Path

import pytest

from models import TextModel, open_text
from tests.unit.models.synthetic import tiny_bundle


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundle(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def model(bundle: Path) -> TextModel:
    return open_text(bundle, threads=1)
