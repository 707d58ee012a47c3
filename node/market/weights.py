"""From shares to the u16 vector a validator sets on chain. The one place where floats become the ledger's integers."""

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass

from node.market.limits import WEIGHT_MAX
from node.primitives.types import AccountId, Uid
from node.subnets.base import AnySubnet, Book, View

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WeightVector:
    """Parallel seats and weights, ordered by seat; every weight is 1 to 65 535."""

    uids: tuple[Uid, ...]
    values: tuple[int, ...]


def shares_of(subnet: AnySubnet, book: Book, view: View) -> tuple[Mapping[AccountId, float], str]:
    """The shares that a subnet's rules give, and "" or, when its program fails at that, none and what failed."""
    try:
        return subnet.weigh(book, view), ""
    except Exception as error:  # a subnet's program may fail in any way; the role goes on
        _log.exception("the subnet %s failed to weigh", subnet.spec.name)
        return {}, f"The rules of the subnet {subnet.spec.name} failed to weigh: {error!r}."


def weight_vector(shares: Mapping[AccountId, float], view: View) -> WeightVector | None:
    """Scale shares so that the largest is 65 535, rounded to the nearest; None to abstain when nothing is left.

    Hotkeys without a seat, shares that are not finite and positive, and those that round to 0 are left out.
    """
    usable = {n.uid: shares[n.hotkey] for n in view.neurons if _is_share(shares.get(n.hotkey))}
    largest = max(usable.values(), default=0.0)
    if largest <= 0.0:
        return None
    scaled = {uid: int(share / largest * WEIGHT_MAX + 0.5) for uid, share in sorted(usable.items())}
    kept = {uid: value for uid, value in scaled.items() if value > 0}
    return WeightVector(tuple(kept), tuple(kept.values()))


def _is_share(share: float | None) -> bool:
    return share is not None and math.isfinite(share) and share > 0.0
