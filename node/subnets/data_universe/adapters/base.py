"""The interface of a source: collect rows, name a place in one way, look at a place again. Values and a protocol."""

import enum
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from node.subnets.data_universe.entities import Entity, Source


class CollectJob(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What this node collects from one place: the kind of source, where, and under which label rows go.

    `target` is a URL, or a folder of this machine for `files`. An empty label takes the source's own one.
    """

    source: str
    target: str
    label: str = ""
    every_minutes: int = 30
    is_paused: bool = False


@dataclass(slots=True)
class CollectReport:
    """What a run met beside its rows."""

    items: int = 0
    without_text: int = 0
    without_time: int = 0  # dated by the fetch
    in_the_future: int = 0  # dated by the fetch, because their own date cannot be
    badly_encoded: int = 0  # characters that could not be read were replaced
    is_unchanged: bool = False
    notes: list[str] = field(default_factory=list)


class Look(enum.Enum):
    """How a second look at a place went."""

    FOUND = "found"
    GONE = "gone"  # 404 or 410: nobody can tell any more
    UNREACHABLE = "unreachable"  # the fault may be ours


@dataclass(frozen=True, slots=True)
class Recheck:
    """A second look; `entity` is there when it was found."""

    look: Look
    entity: Entity | None = None
    is_dated: bool = True  # the place itself says when it was written
    note: str = ""


class Adapter(Protocol):
    """One kind of source."""

    source: Source

    def collect(self, job: CollectJob, since_minute: int, report: CollectReport) -> AsyncIterator[Entity]:
        """Rows of a job that are newer, newest as the source gives them. Raises SourceFailed."""
        ...

    def canonical(self, uri: str) -> str:
        """The one form of a URI of this source; "" when it is none."""
        ...

    async def recheck(self, uri: str) -> Recheck:
        """Look at a canonical URI again; never raises for what the place or the network does."""
        ...
