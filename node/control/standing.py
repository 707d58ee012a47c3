"""What a change of stake would make of a hotkey's seat: its stake weight, its rank by it, and the validators' minimum.

An estimate from one metagraph, as of its block: others move as well, and weights count at the next epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from node.control.intents import (
    Intent,
    MoveIntent,
    StakeIntent,
    SwapIntent,
    TransferStakeIntent,
    UnstakeAllIntent,
    UnstakeIntent,
)
from node.control.schema import Account, Metagraph, Stake
from node.primitives.types import ROOT_NETUID


@dataclass(frozen=True, slots=True)
class Shift:
    """Stake behind `hotkey` on `netuid` grows by `alpha`, or shrinks."""

    netuid: int
    hotkey: str
    alpha: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A seat before and after. Ranks count from 1, by stake weight; `uid` None: the hotkey has no seat there.

    `missing_rao` is what lacks to the least stake weight of a validator afterwards, 0 when none does. `is_permitted`
    tells whether the seat would then be among the first `permits_max`, None where that number is not known.
    """

    netuid: int
    uid: int | None
    weight_before_rao: int
    weight_after_rao: int
    rank_before: int
    rank_after: int
    seats: int
    missing_rao: int
    is_permitted: bool | None


def shifts_of(intent: Intent, gets_alpha: int, account: Account | None) -> tuple[Shift, ...]:
    """Return what an intent does to stakes behind hotkeys; stake on root shifts weight everywhere and is left out."""
    match intent:
        case StakeIntent():
            found: Sequence[Shift] = [Shift(intent.netuid, intent.hotkey, gets_alpha)]
        case UnstakeIntent():
            found = [Shift(intent.netuid, intent.hotkey, -intent.amount_alpha)]
        case MoveIntent():
            found = [
                Shift(intent.origin_netuid, intent.origin_hotkey, -intent.amount_alpha),
                Shift(intent.destination_netuid, intent.destination_hotkey, gets_alpha),
            ]
        case SwapIntent():
            found = [
                Shift(intent.origin_netuid, intent.hotkey, -intent.amount_alpha),
                Shift(intent.destination_netuid, intent.hotkey, gets_alpha),
            ]
        case UnstakeAllIntent():
            stakes: tuple[Stake, ...] = () if account is None else account.stakes
            found = [Shift(each.netuid, each.hotkey, -each.stake_alpha) for each in stakes if _is_of(each, intent)]
        case TransferStakeIntent() if intent.origin_netuid != intent.destination_netuid:
            found = [
                Shift(intent.origin_netuid, intent.hotkey, -intent.amount_alpha),
                Shift(intent.destination_netuid, intent.hotkey, gets_alpha),
            ]
        case _:
            found = []
    return tuple(each for each in found if each.netuid != ROOT_NETUID)


def standing(graph: Metagraph, shift: Shift, threshold_rao: int, permits_max: int | None) -> Standing:
    """Return what `shift` would make of its hotkey's seat in `graph`."""
    seat = next((each for each in graph.neurons if each.hotkey == shift.hotkey), None)
    before = 0 if seat is None else seat.stake_rao
    after = max(0, before + shift.alpha)
    others = [each.stake_rao for each in graph.neurons if seat is None or each.uid != seat.uid]
    rank_after = 1 + sum(each > after for each in others)
    missing = max(0, threshold_rao - after)
    permitted = None if permits_max is None or seat is None else rank_after <= permits_max and not missing
    return Standing(
        graph.netuid,
        None if seat is None else seat.uid,
        before,
        after,
        1 + sum(each > before for each in others),
        rank_after,
        len(graph.neurons),
        missing,
        permitted,
    )


def _is_of(stake: Stake, intent: UnstakeAllIntent) -> bool:
    return stake.hotkey == intent.hotkey
