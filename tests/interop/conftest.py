"""A devnet of real processes, and the JavaScript peer, where this machine can run it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.control.options import DevnetOptions, DevnetStatus
from node.service import devnet
from tests.interop import javascript
from tests.unit.models.synthetic import tiny_bundle


@pytest.fixture(scope="session")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the JavaScript peer, ready to run; skips with the reason where it cannot."""
    try:
        return javascript.prepare(tmp_path_factory.mktemp("peer"))
    except javascript.CannotRun as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def net(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevnetStatus]:
    """Two authorities of half-second slots."""
    model = os.fspath(tiny_bundle(tmp_path_factory.mktemp("model")))
    home = tmp_path_factory.mktemp("interop")
    try:
        yield devnet.up(DevnetOptions(home, nodes=2, slot_ms=500, tempo=12, model=model), lambda step: None)
    finally:
        devnet.down(home, lambda step: None)
