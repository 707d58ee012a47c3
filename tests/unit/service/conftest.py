"""What every test of the running chain may ask for."""

from collections.abc import Iterator

import pytest


@pytest.fixture
def no_defect_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing that came from outside may be logged as an error: that would be an exception nobody expected."""
    yield
    for phase in ("setup", "call"):
        assert [record.getMessage() for record in caplog.get_records(phase) if record.levelname == "ERROR"] == []
