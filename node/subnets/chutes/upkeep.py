"""Housekeeping at every new head: which chutes this miner keeps warm, what it says of them, what validators saw asked.

The choice is pure and tested; the rest opens models and writes journal entries. A node that never answered a task and
has a validator's permit keeps nothing warm.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from models import ModelError
from node.primitives.codec import encode
from node.primitives.errors import MarketError
from node.primitives.types import Height
from node.subnets.base import Host, View
from node.subnets.chutes.bundle import canonical
from node.subnets.chutes.catalogue import Listed, demand_of, warm_chutes, warm_miners
from node.subnets.chutes.journal import DEMAND, DEPLOY, LOAD, UNLOAD, Calls, Demand, Deploy, Load, Unload
from node.subnets.chutes.limits import DEMAND_PER_AUTHOR_MAX, HOUR_BLOCKS, WARM_BLOCKS_MAX
from node.subnets.chutes.strategies import Tools

_log = logging.getLogger(__name__)
BLOCK_S: Final = 12
_SAY_AGAIN_ENTRIES: Final = 256  # journals keep at least the last 512 entries of an author
_DEMAND_FLOOR: Final = 0.01  # share of the calls that a chute nobody asked for yet counts with


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chute as a miner looks at it: what is asked, who serves it, what it pays and what it takes."""

    id: bytes
    demand: float
    instances: int
    price_rao: int
    ram_mb: int

    @property
    def worth(self) -> float:
        """Demand an instance, times price, for each MB."""
        return (self.demand + _DEMAND_FLOOR) / (self.instances + 1) * (self.price_rao + 1) / self.ram_mb


def to_load(candidates: Sequence[Candidate], warm: Mapping[bytes, int], ram_mb: int) -> bytes | None:
    """The best chute that is not warm and fits beside those that are; `warm` says what each takes, in MB."""
    free = ram_mb - sum(warm.values())
    fitting = [each for each in candidates if each.id not in warm and each.ram_mb <= free]
    return max(fitting, key=lambda each: (each.worth, each.id)).id if fitting else None


def to_unload(
    warm: Sequence[bytes], last_used: Mapping[bytes, int], warm_blocks: Mapping[bytes, int], height: int
) -> tuple[bytes, ...]:
    """Chutes not used for their own time of being kept; one that is unknown by now goes at once."""
    return tuple(
        each for each in warm if each not in warm_blocks or last_used.get(each, 0) + warm_blocks[each] < height
    )


@dataclass(slots=True)
class Upkeep:
    """The memory of one role: what was used when, and what was said when."""

    tools: Tools
    ram_mb: int
    last_used: dict[bytes, int] = field(default_factory=dict)
    _said_demand: int = 0

    def used(self, listed: Listed, height: Height) -> None:
        """A task for this chute came in."""
        self.last_used[listed.id] = int(height)

    async def tick(self, host: Host) -> None:
        """One step: unload what is idle, load at most one chute, repeat what runs out, tell demand once an hour."""
        view = host.view()
        seat = view.find(host.hotkey)
        if seat is None:
            return
        try:
            await self._say_again(host, view)
            if self.tools.seen.untold and view.height >= self._said_demand + HOUR_BLOCKS:
                await self._tell_demand(host, view)
            if self.last_used or not seat.validator_permit:
                await self._scale(host, view)
        except MarketError as error:
            _log.warning("the journal of chutes took no entry: %s", error)

    async def warm(self, listed: Listed, host: Host) -> None:
        """Bring a chute's files here and open it. Raises ModelError, MarketError."""
        if listed.chute.is_text:
            await self.tools.texts.runtime(listed.chute, host)
        else:
            paths = await self.tools.shelf.all(listed.chute, host)
            await host.models.tensor_file(paths["model"])

    # --- steps ------------------------------------------------------------------------------------------------------

    async def _scale(self, host: Host, view: View) -> None:
        listed: dict[bytes, Listed] = {each.id: each for each in self.tools.catalogue.all(view)}
        warm = warm_chutes(view, host.hotkey)
        kept = {each: one.chute.warm_seconds // BLOCK_S for each, one in listed.items()}
        for each in warm:
            self.last_used.setdefault(each, int(view.height))
        for idle in to_unload(warm, self.last_used, kept, view.height):
            await host.journal.append(UNLOAD, encode(Unload(idle)))
            warm = tuple(each for each in warm if each != idle)
        demand = demand_of(view)
        wanted = [
            Candidate(
                one.id, demand.get(one.id, 0.0), len(warm_miners(view, one.id)), one.price_rao, one.chute.needs.ram_mb
            )
            for one in listed.values()
            if one.id in demand or self._was_used_lately(one, view)
        ]
        taken = {each: listed[each].chute.needs.ram_mb for each in warm if each in listed}
        best = to_load(wanted, taken, self.ram_mb)
        if best is not None:
            await self._load(listed[best], host, view)

    def _was_used_lately(self, one: Listed, view: View) -> bool:
        used = self.last_used.get(one.id)
        return used is not None and used + one.chute.warm_seconds // BLOCK_S >= view.height

    async def _load(self, one: Listed, host: Host, view: View) -> None:
        try:
            await self.warm(one, host)
        except (ModelError, MarketError) as error:
            _log.info("the chute %s cannot be kept warm: %s", one.chute.name, error)
            self.last_used.pop(one.id, None)
            return
        self.last_used[one.id] = int(view.height)
        await host.journal.append(LOAD, encode(Load(one.id, Height(view.height + WARM_BLOCKS_MAX // 2))))

    async def _say_again(self, host: Host, view: View) -> None:
        """Repeat own chutes before the journal forgets them."""
        entries = host.journal.entries(host.hotkey)
        said = {entry.body: entry.sequence for entry in entries if entry.kind == DEPLOY}
        for one in self.tools.catalogue.all(view):
            if one.owner == host.hotkey and not one.is_house:
                body = encode(Deploy(canonical(one.chute)))
                if entries[-1].sequence - said.get(body, -_SAY_AGAIN_ENTRIES) >= _SAY_AGAIN_ENTRIES:
                    await host.journal.append(DEPLOY, body)

    async def _tell_demand(self, host: Host, view: View) -> None:
        most = sorted(self.tools.seen.untold.items(), key=lambda item: (-item[1], item[0]))[:DEMAND_PER_AUTHOR_MAX]
        calls = tuple(Calls(chute, count) for chute, count in sorted(most))
        await host.journal.append(DEMAND, encode(Demand(calls)))
        self._said_demand = int(view.height)
        self.tools.seen.untold.clear()
