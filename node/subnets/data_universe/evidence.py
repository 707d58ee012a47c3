"""Whether rows are true: other holders are asked, and where they do not settle it, the source is looked at again.

A row is right, wrong, or nobody can tell (None). What this node fails at (no line, no adapter, a source that is down)
is never the miner's fault.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import trio

from node.primitives.errors import MarketError
from node.primitives.types import AccountId
from node.subnets.base import Answer, Code, Host, Neuron, View
from node.subnets.data_universe.adapters.base import Look
from node.subnets.data_universe.entities import Entity, uri_hash
from node.subnets.data_universe.limits import (
    AGREEING_MIN,
    FUTURE_HOURS_MAX,
    LOOKUPS_MAX,
    RECHECKS_PER_ANSWER,
    SIMILARITY_MIN,
    SKEW_HOURS_MAX,
    WITNESSES_ASKED,
)
from node.subnets.data_universe.messages import DataPart, DataTask, LookupAsk
from node.subnets.data_universe.room import Room, in_thread, largest
from node.subnets.data_universe.similar import similarity

ASK_TIMEOUT_S: Final = 15.0
_log = logging.getLogger(__name__)
_SPOT_CHECK_OF: Final = 8  # one row in so many is looked at although holders agree: they may be one person


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about a row; `is_right` None when nobody can tell."""

    entity: Entity
    is_right: bool | None
    why: str
    is_gone: bool = False  # its place says that there is nothing: invented, or taken down since


async def find_out(entities: Sequence[Entity], miner: Neuron, host: Host, room: Room, lot: int) -> list[Finding]:
    """A finding for each row that a miner showed. `lot` decides which rows are looked at whatever others say."""
    view = host.view()
    for entity in entities:
        room.witnesses.saw(miner.coldkey, entity)
    await _ask_others(entities, miner, host, room, view)
    findings: list[Finding] = []
    looks = 0
    for number, entity in enumerate(entities):
        if told := _impossible(entity, room):
            findings.append(Finding(entity, False, told))
            continue
        same, other = room.witnesses.opinions(miner.coldkey, entity)
        agreed = same >= AGREEING_MIN and not other
        if (not agreed or (number + lot) % _SPOT_CHECK_OF == 0) and looks < RECHECKS_PER_ANSWER:
            looks += 1
            finding = await look_again(entity, room)
            if finding.is_right is not None or not agreed:
                findings.append(finding)
                continue
        findings.append(
            Finding(entity, True if agreed else None, f"{same} holders agree" if agreed else "nobody to compare with")
        )
    return findings


def _impossible(entity: Entity, room: Room) -> str:
    """Why a row cannot be honest, whoever says so; "" when it can."""
    if entity.bucket.hour > room.now_hour + FUTURE_HOURS_MAX:
        return "written in the future"
    adapter = room.adapters.get(entity.source)
    if adapter is not None and adapter.canonical(entity.uri) != entity.uri:
        return "its address is not in the one form of its source"
    return ""


async def _ask_others(entities: Sequence[Entity], miner: Neuron, host: Host, room: Room, view: View) -> None:
    """Have other holders of these buckets show what they have of these places."""
    open_rows = [e for e in entities if room.witnesses.opinions(miner.coldkey, e)[0] < AGREEING_MIN][:LOOKUPS_MAX]
    if not open_rows:
        return
    holdings = await room.holdings()
    held: dict[AccountId, int] = {}
    for entity in open_rows:
        for holder, size in await in_thread(holdings.holders, entity.bucket):
            held[holder] = held.get(holder, 0) + size
    asked: dict[AccountId, Neuron] = {}
    for holder in largest(list(held.items())):
        neuron = view.find(holder)
        if neuron is not None and neuron.coldkey not in (miner.coldkey, *asked) and holder != host.hotkey:
            asked[neuron.coldkey] = neuron
        if len(asked) == WITNESSES_ASKED:
            break
    task = DataTask(lookup=(LookupAsk(tuple({uri_hash(e.uri): None for e in open_rows})),))
    async with trio.open_nursery() as nursery:
        for neuron in asked.values():
            nursery.start_soon(_hear, neuron, task, host, room)


async def _hear(neuron: Neuron, task: DataTask, host: Host, room: Room) -> None:
    try:
        with trio.move_on_after(ASK_TIMEOUT_S):
            answer = await host.ask(neuron, task)
            if answer.status is Code.OK:
                for entity in rows_in(answer):
                    room.witnesses.saw(neuron.coldkey, entity)
    except MarketError:
        return  # one witness less


async def look_again(entity: Entity, room: Room) -> Finding:
    """What the row's source says of it now. A fault of this node, which a miner may know of, is no verdict's end."""
    adapter = room.adapters.get(entity.source)
    if adapter is None:
        return Finding(entity, None, "this validator does not reach that kind of source")
    try:
        seen = await adapter.recheck(entity.uri)
    except Exception as error:
        _log.exception("the source %s could not be looked at", entity.uri[:200])
        return Finding(entity, None, f"this validator failed to look ({type(error).__name__})")
    if seen.look is not Look.FOUND or seen.entity is None:
        return Finding(entity, None, seen.note or f"the source is {seen.look.value}", seen.look is Look.GONE)
    alike = await in_thread(similarity, entity.content, seen.entity.content)
    if alike < SIMILARITY_MIN:
        return Finding(entity, False, f"the source says something else ({100 * alike:.0f} % alike)")
    if seen.is_dated and abs(seen.entity.minute - entity.minute) > 60 * SKEW_HOURS_MAX:
        return Finding(entity, False, "the source dates it otherwise")
    return Finding(entity, True, "the source says the same")


def rows_in(answer: Answer) -> list[Entity]:
    """All rows of an answer, proven ones included."""
    parts = [part for part in answer.parts if isinstance(part, DataPart)]
    rows = [row for part in parts for row in (*part.rows, *(each.row for each in part.proven))]
    return [row.entity() for row in rows]
