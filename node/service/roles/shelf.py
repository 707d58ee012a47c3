"""The open models of a process within a bound of memory: who is idle longest makes room, who is in use stays.

Knows nothing of models but their size. Everything here belongs to the trio thread.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import trio

from models import NoMemory
from models.limits import MIB

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Opening(Generic[T]):
    """How one model is opened: `need_bytes` of memory once it is open. `close` gives them back."""

    key: str
    need_bytes: int
    open: Callable[[], Awaitable[T]]
    close: Callable[[T], Awaitable[None]]


@dataclass(slots=True)
class _Slot:
    opening: Opening[Any]
    opened: Any
    users: int = 0
    used: int = 0  # counts up with every use: the smallest of the idle goes first


@dataclass(slots=True)
class Shelf:
    """Opened models by key. `budget_bytes` bounds what they need together."""

    budget_bytes: int
    _slots: dict[str, _Slot] = field(default_factory=dict)
    _lock: trio.Lock = field(default_factory=trio.Lock)  # one opening at a time: it takes CPU and memory
    _uses: int = 0

    @property
    def taken_bytes(self) -> int:
        """What the open models need together."""
        return sum(slot.opening.need_bytes for slot in self._slots.values())

    def opened(self) -> tuple[str, ...]:
        """Keys of the models that are open, in the order of their opening."""
        return tuple(self._slots)

    @asynccontextmanager
    async def use(self, opening: Opening[T]) -> AsyncGenerator[T, None]:
        """The model, opened if need be, and open while it is used. Raises NoMemory, and what `open` raises."""
        slot = self._slots.get(opening.key)
        if slot is None:
            async with self._lock:
                slot = self._slots.get(opening.key) or await self._open(opening)
                slot.users += 1
        else:
            slot.users += 1
        self._uses += 1
        slot.used = self._uses
        try:
            yield slot.opened
        finally:
            slot.users -= 1

    async def close_all(self) -> None:
        """Close every model, in use or not."""
        async with self._lock:
            for key in list(self._slots):
                await self._close(key)

    async def _open(self, opening: Opening[Any]) -> _Slot:
        await self._make_room(opening)
        slot = self._slots[opening.key] = _Slot(opening, await opening.open())
        return slot

    async def _make_room(self, opening: Opening[Any]) -> None:
        in_use = sum(slot.opening.need_bytes for slot in self._slots.values() if slot.users)
        if in_use + opening.need_bytes > self.budget_bytes:  # closing all others would not help: leave them open
            raise NoMemory(
                f"{opening.key} needs {opening.need_bytes // MIB} MiB of memory; models may take "
                f"{self.budget_bytes // MIB} MiB, and those in use take {in_use // MIB}"
            )
        while self.taken_bytes + opening.need_bytes > self.budget_bytes:
            idle = [(slot.used, key) for key, slot in self._slots.items() if not slot.users]
            if not idle:
                return  # somebody took one up meanwhile: a little over the bound is better than a failure
            await self._close(min(idle)[1])

    async def _close(self, key: str) -> None:
        slot = self._slots.pop(key)
        with trio.CancelScope(shield=True):  # bounded: one step of the model
            await slot.opening.close(slot.opened)
