"""What the last epoch said of each seat, and the bonds it left: one value a subnet, vectors by uid."""

from collections.abc import Sequence
from typing import Final, TypeVar

from node.economics.yuma.types import EpochOutput, SparseRow
from node.ledger.pallets.neurons import COUNT, Seat
from node.ledger.state import Map, Overlay, StateView
from node.primitives.codec import Wire
from node.primitives.errors import invariant
from node.primitives.types import Height, NetUid, Uid

T = TypeVar("T")


class Scores(Wire, frozen=True):
    """An epoch's results; u16 shares (65 535 = 1) but for flags and `emission` (α per epoch)."""

    height: Height = Height(0)
    """The block of the epoch; 0 before the first one."""
    stake_weight: tuple[int, ...] = ()
    active: tuple[bool, ...] = ()
    consensus: tuple[int, ...] = ()
    rank: tuple[int, ...] = ()
    trust: tuple[int, ...] = ()
    incentive: tuple[int, ...] = ()
    dividends: tuple[int, ...] = ()
    validator_trust: tuple[int, ...] = ()
    validator_permits: tuple[bool, ...] = ()
    emission: tuple[int, ...] = ()


SCORES: Final[Map[NetUid, Scores]] = Map(
    "scores", "scores", NetUid, Scores, default=Scores(), about="Results of a subnet's last epoch"
)
BONDS: Final[Map[Seat, SparseRow]] = Map(
    "scores",
    "bonds",
    Seat,
    SparseRow,
    default=(),
    about="A validator's bonds as (uid, u16)",
)


def append_uid(overlay: Overlay, netuid: NetUid, *, validator_permit: bool = False) -> None:
    """Make room for the seat that was just added; a permit at once is genesis' privilege."""
    scores = SCORES.get(overlay, netuid)
    count = COUNT.get(overlay, netuid)
    invariant(len(scores.active) == count - 1, "scores have one entry a seat")
    grown = [(*vector, 0) for vector in _numbers(scores)]
    flags = (*scores.active, True), (*scores.validator_permits, validator_permit)
    SCORES.put(overlay, netuid, _assembled(scores.height, grown, *flags))


def reset_uid(overlay: Overlay, netuid: NetUid, uid: Uid) -> None:
    """A seat has a new neuron: active, without scores, permit or bonds."""
    scores = SCORES.get(overlay, netuid)
    cleared = [_with(vector, uid, 0) for vector in _numbers(scores)]
    flags = _with(scores.active, uid, True), _with(scores.validator_permits, uid, False)
    SCORES.put(overlay, netuid, _assembled(scores.height, cleared, *flags))
    BONDS.delete(overlay, (netuid, uid))


def keep_uids(overlay: Overlay, netuid: NetUid, kept: Sequence[int]) -> None:
    """Only these uids stay, in this order."""
    scores = SCORES.get(overlay, netuid)
    rest = [tuple(vector[uid] for uid in kept) for vector in _numbers(scores)]
    flags = tuple(scores.active[uid] for uid in kept), tuple(scores.validator_permits[uid] for uid in kept)
    SCORES.put(overlay, netuid, _assembled(scores.height, rest, *flags))


def store(overlay: Overlay, netuid: NetUid, height: Height, output: EpochOutput) -> None:
    """Write an epoch's results and bonds."""
    SCORES.put(
        overlay,
        netuid,
        Scores(
            height,
            output.stake_weight,
            output.active,
            output.consensus,
            output.rank,
            output.trust,
            output.incentive,
            output.dividends,
            output.validator_trust,
            output.new_validator_permits,
            output.emission,
        ),
    )
    for uid, row in enumerate(output.bonds):
        BONDS.put(overlay, (netuid, Uid(uid)), row)


def reset_bonds(overlay: Overlay, netuid: NetUid, uid: Uid) -> None:
    """End every validator's bond on one seat."""
    for other, row in enumerate(bonds(overlay, netuid)):
        left = tuple((target, value) for target, value in row if target != uid)
        if left != row:
            BONDS.put(overlay, (netuid, Uid(other)), left)


def bonds(view: StateView, netuid: NetUid) -> tuple[SparseRow, ...]:
    """Every seat's bonds by uid."""
    return tuple(BONDS.get(view, (netuid, Uid(uid))) for uid in range(COUNT.get(view, netuid)))


def _numbers(scores: Scores) -> tuple[tuple[int, ...], ...]:
    return (
        scores.stake_weight, scores.consensus, scores.rank, scores.trust, scores.incentive, scores.dividends,
        scores.validator_trust, scores.emission,
    )  # fmt: skip


def _assembled(
    height: Height, numbers: list[tuple[int, ...]], active: tuple[bool, ...], permits: tuple[bool, ...]
) -> Scores:
    stake_weight, consensus, rank, trust, incentive, dividends, validator_trust, emission = numbers
    return Scores(
        height, stake_weight, active, consensus, rank, trust, incentive, dividends, validator_trust, permits, emission
    )


def _with(vector: tuple[T, ...], index: int, value: T) -> tuple[T, ...]:
    return (*vector[:index], value, *vector[index + 1 :])
