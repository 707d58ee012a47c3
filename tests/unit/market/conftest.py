"""What tests of money share: a clock that jumps, and threads that finish before it can."""

from collections.abc import Callable
from typing import TypeVar

import pytest
import trio
import trio.testing

T = TypeVar("T")


@pytest.fixture
def patient_clock(monkeypatch: pytest.MonkeyPatch) -> trio.testing.MockClock:
    """Jumps ahead when nothing happens; what would run in a thread runs at once, so that it never jumps over that."""

    async def at_once(work: Callable[..., T], *arguments: object, **_how: object) -> T:
        await trio.lowlevel.checkpoint()
        return work(*arguments)

    monkeypatch.setattr(trio.to_thread, "run_sync", at_once)
    return trio.testing.MockClock(autojump_threshold=0)
