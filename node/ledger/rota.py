"""Who leads which slot: authorities in turn, or validators as often as their stake says.

A rota is a finite list that repeats; slot s is led by entry `s mod len`. It is a function of the set and of who is off
duty alone, so that a leader can be told without any history. Source: docs/protocol.md, "Production".
"""

from functools import lru_cache
from typing import Final

from node.ledger.header import Authority
from node.primitives.limits import ROTA_SLOTS
from node.primitives.types import AccountId

Members = tuple[Authority, ...]
_KEPT: Final = 64  # rotas of recent sets: the branches of a tree share a few


@lru_cache(_KEPT)
def rota(members: Members, off: tuple[AccountId, ...]) -> tuple[AccountId, ...]:
    """Return the leaders of `members` in order, without those `off` duty unless that leaves nobody.

    Members with authority weight take turns; in a set of stake alone each comes as often as its stake says.
    """
    leading = [member for member in members if member.weight > 0] or list(members)
    on_duty = [member for member in leading if member.account not in off] or leading
    if on_duty[0].weight > 0:
        return tuple(member.account for member in on_duty)
    return _by_stake(on_duty)


def _by_stake(members: list[Authority]) -> tuple[AccountId, ...]:
    """Weighted round robin: everybody's claim grows by its stake, the largest claim leads and pays the total."""
    total = sum(member.stake for member in members)
    claims = [0] * len(members)
    turns: list[AccountId] = []
    for _ in range(ROTA_SLOTS):
        first = 0
        for index, member in enumerate(members):
            claims[index] += member.stake
            if claims[index] > claims[first]:
                first = index
        claims[first] -= total
        turns.append(members[first].account)
    return tuple(turns)
