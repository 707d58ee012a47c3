"""What a page asks of the node when it is opened: each answer is kept for a while, each failure told as its sentence.

A screen names what it wants whenever it paints; asking happens in workers and the screen paints again when something
has come. Bounded; nothing is asked twice at a time.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from textual.worker import WorkType

from tui.limits import LOOKS_MAX
from tui.port import API_ERRORS
from tui.text import clean

if TYPE_CHECKING:
    from tui.screens.base import NodeScreen

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Look(Generic[T]):
    """One answer, or why there is none yet; `version` grows whenever something came."""

    value: T | None = None
    trouble: str = ""
    version: int = 0
    at_s: float = -1e9
    running: bool = False

    @property
    def waiting(self) -> bool:
        """Whether nothing has come yet, neither an answer nor a failure."""
        return self.value is None and not self.trouble


class Looks:
    """The answers of one screen; `again` paints it."""

    def __init__(self, screen: "NodeScreen", again: Callable[[], None]) -> None:
        self._screen = screen
        self._again = again
        self._kept: dict[str, Look[Any]] = {}

    def of(self, name: str, read: Callable[[], Awaitable[T]], age_s: float) -> Look[T]:
        """Return what is known under `name`, asking `read` when that is older than `age_s`."""
        look = cast("Look[T]", self._kept.pop(name, None) or Look[T]())
        self._kept[name] = look
        while len(self._kept) > LOOKS_MAX:
            del self._kept[next(iter(self._kept))]
        if not look.running and self._screen.model.now_s - look.at_s >= age_s and self._screen.model.link == "live":
            look.running = True
            work: WorkType[None] = partial(self._ask, look, read)  # made when it begins, or never
            self._screen.run_worker(work, group="look", exit_on_error=False)
        return look

    def forget(self, name: str) -> None:
        """Have the answer asked for again at once."""
        if name in self._kept:
            self._kept[name].at_s = -1e9

    def forget_all(self) -> None:
        """Have every answer asked for again when it is wanted next."""
        for look in self._kept.values():
            look.at_s = -1e9

    async def _ask(self, look: Look[T], read: Callable[[], Awaitable[T]]) -> None:
        try:
            look.value = await read()
            look.trouble = ""
        except API_ERRORS as error:
            look.trouble = clean(str(error), 400)
        finally:
            look.running = False
            look.at_s = self._screen.model.now_s
            look.version += 1
        if self._screen.is_current:
            self._again()
