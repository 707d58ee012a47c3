"""The authorities of one set: who leads a slot, who proposes in a round, and what a quorum is.

A member weighs something among authorities, among validators by stake, or both. A quorum is more than two thirds of
each kind that the set has; integers, never fractions: `3·w > 2·W`. Source: docs/protocol.md, "Authorities".
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from node.consensus.errors import BadAuthoritySet
from node.ledger.header import Authority, Header, set_hash
from node.ledger.phases import PosPhase, is_abort, phase_of
from node.ledger.rota import rota
from node.primitives.limits import AUTHORITIES_MAX
from node.primitives.types import AccountId, Hash, SetId, Slot


class Power(NamedTuple):
    """What some members weigh together: authority weight, and stake in rao."""

    weight: int = 0
    stake: int = 0

    def plus(self, other: "Power") -> "Power":
        """Return what both weigh together."""
        return Power(self.weight + other.weight, self.stake + other.stake)


NO_POWER = Power()
_NEVER_IDLE = Slot(0)


@dataclass(frozen=True, slots=True)
class AuthoritySet:
    """The members of set `set_id` in canonical order, by key.

    `disabled` members lead no slot and propose nothing, `idle` ones lead no slot before slot `idle_until`; the weight
    of both counts.

    Raises:
        BadAuthoritySet: no members or too many, a key twice, not sorted, or a member without weight.
    """

    set_id: SetId
    members: tuple[Authority, ...]
    disabled: tuple[AccountId, ...] = ()
    idle: tuple[AccountId, ...] = ()
    idle_until: Slot = _NEVER_IDLE
    total: Power = field(init=False, compare=False)
    phase: PosPhase = field(init=False, compare=False)
    _index: dict[AccountId, int] = field(init=False, compare=False, repr=False)
    _powers: dict[AccountId, Power] = field(init=False, compare=False, repr=False)
    _rotas: dict[bool, tuple[AccountId, ...]] = field(
        init=False, compare=False, repr=False, default_factory=dict[bool, tuple[AccountId, ...]]
    )
    """With everybody but the disabled, and (True) without the idle as well; made when they are asked for."""

    def __post_init__(self) -> None:
        keys = [member.account for member in self.members]
        if not 0 < len(keys) <= AUTHORITIES_MAX:
            raise BadAuthoritySet(f"An authority set has 1 to {AUTHORITIES_MAX} members, not {len(keys)}.")
        if any(left >= right for left, right in pairwise(keys)):
            raise BadAuthoritySet("The members of an authority set are sorted by key and distinct.")
        if any(min(member.weight, member.stake) < 0 or member.weight + member.stake <= 0 for member in self.members):
            raise BadAuthoritySet("Every member of an authority set has a weight above zero.")
        weight = sum(member.weight for member in self.members)
        object.__setattr__(self, "total", Power(weight, sum(member.stake for member in self.members)))
        object.__setattr__(self, "phase", phase_of(self.members))
        object.__setattr__(self, "_index", {key: index for index, key in enumerate(keys)})
        powers = {member.account: Power(member.weight, member.stake) for member in self.members}
        object.__setattr__(self, "_powers", powers)

    @classmethod
    def of(cls, set_id: SetId, members: Iterable[Authority]) -> "AuthoritySet":
        """Return the set of `members`, given in any order."""
        return cls(set_id, tuple(sorted(members, key=lambda member: member.account)))

    def __len__(self) -> int:
        return len(self.members)

    def __contains__(self, account: object) -> bool:
        return account in self._index

    def index_of(self, account: AccountId) -> int | None:
        """Return the seat of `account`, or None when it is no member."""
        return self._index.get(account)

    def power_of(self, account: AccountId) -> Power:
        """Return what `account` weighs; nothing when it is no member."""
        return self._powers.get(account, NO_POWER)

    def power_of_all(self, accounts: Iterable[AccountId]) -> Power:
        """Return what distinct accounts weigh together."""
        weight = stake = 0
        for account in accounts:
            power = self._powers.get(account, NO_POWER)
            weight += power.weight
            stake += power.stake
        return Power(weight, stake)

    def is_quorum(self, power: Power, *, abort: bool = False) -> bool:
        """Tell whether this is more than two thirds of each kind; of authorities alone for an abort block."""
        if abort:
            return self.is_authority_quorum(power)
        return _exceeds(power.weight, self.total.weight) and _exceeds(power.stake, self.total.stake)

    def is_authority_quorum(self, power: Power) -> bool:
        """Tell whether this is more than two thirds of the authorities, or of stake where it decides alone.

        It suffices to go on to the next step or round: authorities must be able to take the joint phase back without
        validators.
        """
        if self.total.weight:
            return _exceeds(power.weight, self.total.weight)
        return _exceeds(power.stake, self.total.stake)

    def includes_honest(self, power: Power) -> bool:
        """Tell whether members of this power cannot all be faulty: a third of the authorities, or of stake alone.

        Jointly stake does not count here: by calling ahead it could keep authorities from taking the phase back.
        """
        if self.total.weight:
            return 3 * power.weight >= self.total.weight
        return 3 * power.stake >= self.total.stake

    def is_abort(self, header: Header) -> bool:
        """Tell whether the block of `header` takes the joint phase back, if this set decides on it."""
        return self.phase is PosPhase.JOINT and is_abort(header, self.members)

    def slot_leader(self, slot: Slot) -> AccountId:
        """Return who may produce the block of `slot`."""
        turns = self.turns(slot)
        return turns[slot % len(turns)]

    def turns(self, slot: Slot) -> tuple[AccountId, ...]:
        """Return the rota that `slot` belongs to: the leader of slot s is entry `s mod len`."""
        return self._rota(without_idle=slot < self.idle_until)

    def next_led_by(self, account: AccountId, first: Slot) -> Slot | None:
        """Return the first slot from `first` on that `account` leads; None when it leads none."""
        turns = self.turns(first)
        for slot in range(first, first + len(turns)):
            if slot == self.idle_until and slot > first:
                return self.next_led_by(account, Slot(slot))
            if turns[slot % len(turns)] == account:
                return Slot(slot)
        return self.next_led_by(account, self.idle_until) if first < self.idle_until else None

    def proposer(self, instance: int, round_number: int) -> AccountId:
        """Return who proposes in a round of finality."""
        turns = self._rota(without_idle=False)
        return turns[(instance + round_number) % len(turns)]

    def _rota(self, *, without_idle: bool) -> tuple[AccountId, ...]:
        turns = self._rotas.get(without_idle)
        if turns is None:
            off = tuple(sorted({*self.disabled, *self.idle})) if without_idle else self.disabled
            turns = self._rotas[without_idle] = rota(self.members, off)
        return turns

    @property
    def hash(self) -> Hash:
        """What headers commit to."""
        return set_hash(self.members)


def _exceeds(part: int, total: int) -> bool:
    """More than two thirds; a kind that the set does not have asks for nothing."""
    return total == 0 or 3 * part > 2 * total
