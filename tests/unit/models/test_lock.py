"""One holder at a time, waiters are told that they wait, and nobody waits for ever."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from models import ModelUnavailable
from models.lock import file_lock


def test_a_second_holder_waits_until_the_first_is_done(tmp_path: Path) -> None:
    waiting, order = threading.Event(), list[str]()

    def second() -> None:
        with file_lock(tmp_path / "lock", waiting.set):
            order.append("second")

    thread = threading.Thread(target=second)
    with file_lock(tmp_path / "lock"):
        thread.start()
        assert waiting.wait(30)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_waiting_ends_with_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.lock.LOCK_TIMEOUT_S", 0.0)
    refused = pytest.raises(ModelUnavailable, match="another process has held")
    with file_lock(tmp_path / "lock"), refused, file_lock(tmp_path / "lock"):
        pytest.fail("two holders at once")


def test_an_error_inside_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="inside"), file_lock(tmp_path / "lock"):
        raise ValueError("inside")
    with file_lock(tmp_path / "lock", lambda: pytest.fail("the lock is still held")):
        pass
