"""One tiny bundle for all tests of the subnets."""

from pathlib import Path

import pytest

from tests.unit.models.synthetic import tiny_bundle


@pytest.fixture(scope="session")
def tiny_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundle(tmp_path_factory.mktemp("subnet-models"))
