"""One seat from close up: the weights it gets and gives on chain, and what past epochs paid its hotkey.

Everything is read from the state and from the events that this node still stores. Blocking: for worker threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, cast

from node.control.views.inspect import SeatDetail, SeatEpoch, SeatWeight
from node.economics.clock import epoch_due
from node.ledger import queries
from node.ledger.events import Event, MinerPaid, ValidatorPaid
from node.ledger.queries import Metagraph, NeuronRow, SubnetInfo
from node.ledger.state import StateView
from node.primitives.address import to_ss58
from node.primitives.codec import decode_canonical
from node.primitives.types import AccountId, NetUid, Uid
from node.service.earnings import EVENT_BYTES_MAX
from node.service.errors import Unknown

if TYPE_CHECKING:
    from node.service.app import Running

EPOCHS_MAX: Final = 60  # of one seat's history: what fits a chart; each is one read of the events of a block
WEIGHTS_MAX: Final = 256  # of each direction, the largest

_EVENT = cast("type[Event]", Event)


def seat_view(running: Running, netuid: NetUid, uid: Uid) -> SeatDetail:
    """Return what there is to know of a seat. Raises Unknown."""
    view = running.chain.head.executed.state.view
    info = next((each for each in queries.subnets(view) if each.netuid == netuid), None)
    if info is None:
        raise Unknown(f"There is no subnet {netuid}.", remedy="`neurond subnets list` shows what there is.")
    graph = queries.metagraph(view, netuid)
    row = next((each for each in graph.rows if each.uid == uid), None)
    if row is None:
        raise Unknown(f"Subnet {netuid} has no seat {uid}.", remedy=f"`neurond metagraph {netuid}` lists them.")
    first = running.keeper.status.bodies_from
    return SeatDetail(
        netuid=netuid,
        uid=uid,
        hotkey=to_ss58(row.hotkey),
        height=graph.height,
        weights_in=_weights_in(view, graph, uid),
        weights_out=_weights_out(view, graph, uid),
        history=tuple(reversed([each for each in _history(running, info, row, first) if each is not None])),
        history_from=first,
    )


def _weights_out(view: StateView, graph: Metagraph, uid: Uid) -> tuple[SeatWeight, ...]:
    given = queries.weights_of(view, graph.netuid, uid)
    total = sum(weight for _, weight in given)
    seats = {each.uid: each for each in graph.rows}
    return _largest(
        [_weight(seats[Uid(to)], weight / total) for to, weight in given if weight and total and to in seats]
    )  # fmt: skip


def _weights_in(view: StateView, graph: Metagraph, uid: Uid) -> tuple[SeatWeight, ...]:
    found = []
    for each in graph.rows:
        if not each.validator_permit:
            continue
        given = dict(queries.weights_of(view, graph.netuid, each.uid))
        if weight := given.get(uid, 0):
            found.append(_weight(each, weight / sum(given.values())))
    return _largest(found)


def _weight(seat: NeuronRow, share: float) -> SeatWeight:
    return SeatWeight(seat.uid, to_ss58(seat.hotkey), share, seat.stake_weight_rao)


def _largest(found: list[SeatWeight]) -> tuple[SeatWeight, ...]:
    return tuple(sorted(found, key=lambda each: (-each.share, each.uid))[:WEIGHTS_MAX])


def _history(running: Running, info: SubnetInfo, row: NeuronRow, first: int) -> Iterator[SeatEpoch | None]:
    """What each epoch paid, newest first, back to the block whose events are the oldest here."""
    height, asked = int(running.chain.final.header.height), 0
    oldest = max(first, row.registered_at, height - EPOCHS_MAX * (info.tempo_blocks + 2))
    while height > oldest and asked < EPOCHS_MAX:
        if epoch_due(height, info.netuid, info.tempo_blocks):
            asked += 1
            yield _epoch(running, height, info.netuid, row.hotkey)
        height -= 1


def _epoch(running: Running, height: int, netuid: NetUid, hotkey: AccountId) -> SeatEpoch | None:
    incentive = dividends = 0
    for raw in running.chain.store.events_at(height):
        match decode_canonical(_EVENT, raw, max_bytes=EVENT_BYTES_MAX):
            case MinerPaid(where, who, paid) if (where, who) == (netuid, hotkey):
                incentive += paid
            case ValidatorPaid(where, who, take, shared) if (where, who) == (netuid, hotkey):
                dividends += take + shared
            case _:
                continue
    return SeatEpoch(height, incentive, dividends) if incentive or dividends else None
