"""Fewer seats: the lowest earners of a subnet leave, the others keep their order and move together.

Immune neurons and the owner's protected ones stay; a subnet of mostly such neurons cannot be trimmed.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from node.economics.yuma.types import SparseRow
from node.ledger import errors
from node.ledger.calls import TrimToMaxAllowedUids
from node.ledger.context import Context
from node.ledger.events import UidsTrimmed
from node.ledger.pallets import neurons, registration, scores, secret_weights, subnets, weights
from node.ledger.pallets.ownership import begin_change
from node.ledger.state import Overlay
from node.primitives.types import AccountId, NetUid, Uid

IMMUNE_PERCENT_MAX: Final = 80
"""Of the seats that remain, fewer than this share may be immune."""


def trim(context: Context, sender: AccountId, call: TrimToMaxAllowedUids) -> None:
    """Cut a subnet to `max_uids` seats."""
    overlay, netuid = context.state, call.netuid
    subnets.require(overlay, netuid)
    begin_change(context, sender, netuid, b"trim", context.parameters.trim_rate_limit_blocks)
    hyper = subnets.HYPERPARAMETERS.get(overlay, netuid)
    if not hyper.min_allowed_uids <= call.max_uids <= hyper.max_uids:
        raise errors.InvalidValue(f"max_uids: from {hyper.min_allowed_uids} to {hyper.max_uids}.")
    seats = neurons.all_of(overlay, netuid)
    staying = _staying_for_sure(context, netuid, seats)
    if 100 * len(staying) >= IMMUNE_PERCENT_MAX * call.max_uids:
        raise errors.TrimmingWouldExceedMaxImmunePercentage(f"{len(staying)} seats may not be removed.")
    emission = scores.SCORES.get(overlay, netuid).emission
    leavers = sorted((emission[uid], seat.registered_at, uid) for uid, seat in enumerate(seats) if uid not in staying)[
        : max(0, len(seats) - call.max_uids)
    ]
    gone = {uid for _, _, uid in leavers}
    if gone:
        _renumber(overlay, netuid, [uid for uid in range(len(seats)) if uid not in gone], len(seats))
    subnets.HYPERPARAMETERS.put(overlay, netuid, replace(hyper, max_uids=call.max_uids))
    context.emit(UidsTrimmed(netuid, call.max_uids, len(gone)))


def _staying_for_sure(context: Context, netuid: NetUid, seats: Sequence[neurons.Neuron]) -> frozenset[int]:
    """The uids that are immune or protected as the owner's."""
    overlay = context.state
    hyper = subnets.HYPERPARAMETERS.get(overlay, netuid)
    protected = neurons.owner_uids(overlay, netuid, subnets.require(overlay, netuid), hyper.immune_owner_uids)
    immune = (uid for uid, seat in enumerate(seats) if context.height - seat.registered_at < hyper.immunity_blocks)
    return frozenset((*protected, *immune))


def _renumber(overlay: Overlay, netuid: NetUid, kept: Sequence[int], count: int) -> None:
    """Everybody not in `kept` leaves; who stays gets the uid of their place in it, in every row that names uids."""
    uids = {old: new for new, old in enumerate(kept)}
    for uid in range(count):
        if uid not in uids:
            registration.leave_seat(overlay, netuid, Uid(uid))
    for new, old in enumerate(kept):  # ascending, so no row is overwritten before it was read
        seat = neurons.NEURON.get(overlay, (netuid, Uid(old)))
        neurons.NEURON.put(overlay, (netuid, Uid(new)), seat)
        neurons.UID.put(overlay, (netuid, seat.hotkey), Uid(new))
        secret_weights.forget(overlay, netuid, seat.hotkey)  # a commit made before names the old uids
        for rows in (weights.WEIGHTS, scores.BONDS):
            rows.put(overlay, (netuid, Uid(new)), _renamed(rows.get(overlay, (netuid, Uid(old))), uids))
    for uid in range(len(kept), count):
        neurons.NEURON.delete(overlay, (netuid, Uid(uid)))
        weights.WEIGHTS.delete(overlay, (netuid, Uid(uid)))
        scores.BONDS.delete(overlay, (netuid, Uid(uid)))
    neurons.COUNT.put(overlay, netuid, len(kept))
    scores.keep_uids(overlay, netuid, kept)


def _renamed(row: SparseRow, uids: Mapping[int, int]) -> SparseRow:
    """A row of (uid, u16) under the new numbers; entries of those who left are gone."""
    return tuple((uids[uid], value) for uid, value in row if uid in uids)
