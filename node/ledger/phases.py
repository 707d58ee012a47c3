"""The two kinds of weight in an authority set, and the phase of the move to proof of stake that they make.

Authorities alone, authorities and stake jointly, stake alone: which one holds is read off the set's own members, never
off a clock or a configuration, so that everybody who holds a set knows its rule. Source: docs/protocol.md, "Proof of
stake".
"""

from collections.abc import Iterable
from enum import IntEnum

from node.ledger.header import Authority, Header
from node.primitives.types import AccountId

Members = tuple[Authority, ...]


class PosPhase(IntEnum):
    """Who decides."""

    AUTHORITIES = 1
    JOINT = 2
    STAKE = 3


def phase_of(members: Iterable[Authority]) -> PosPhase:
    """The phase in which a set of these members decides."""
    listed = tuple(members)
    if not any(member.stake for member in listed):
        return PosPhase.AUTHORITIES
    return PosPhase.JOINT if any(member.weight for member in listed) else PosPhase.STAKE


def authorities_of(members: Iterable[Authority]) -> dict[AccountId, int]:
    """Authority weights by account."""
    return {member.account: member.weight for member in members if member.weight}


def stake_of(members: Iterable[Authority]) -> dict[AccountId, int]:
    """Stake in rao by account."""
    return {member.account: member.stake for member in members if member.stake}


def joined(weights: dict[AccountId, int], stakes: dict[AccountId, int]) -> Members:
    """The members with these weights and stakes, by ascending account; nobody without either."""
    accounts = sorted(weights.keys() | stakes.keys())
    return tuple(Authority(account, weights.get(account, 0), stakes.get(account, 0)) for account in accounts)


def is_abort(header: Header, members: Iterable[Authority]) -> bool:
    """Whether the block of `header` takes the joint phase back, so that a quorum of authorities suffices for it.

    `members` are those of the set that decides on it: a joint one lists a set without stake for this reason only.
    """
    return (
        bool(header.next_set)
        and phase_of(header.next_set) is PosPhase.AUTHORITIES
        and phase_of(members) is PosPhase.JOINT
    )
