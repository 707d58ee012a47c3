"""The authorities of one set: who leads a slot, who proposes in a round, and what a quorum is.

Quorums are integers, never fractions: `3·w > 2·W`. Source: docs/protocol.md, "Authorities".
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from node.consensus.errors import BadAuthoritySet
from node.ledger.header import Authority, set_hash
from node.primitives.limits import AUTHORITIES_MAX
from node.primitives.types import AccountId, Hash, SetId, Slot


@dataclass(frozen=True, slots=True)
class AuthoritySet:
    """The members of set `set_id` in canonical order, by key.

    Raises:
        BadAuthoritySet: no members or too many, a key twice, not sorted, or a member without weight.
    """

    set_id: SetId
    members: tuple[Authority, ...]
    total_weight: int = field(init=False, compare=False)
    _index: dict[AccountId, int] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        keys = [member.account for member in self.members]
        if not 0 < len(keys) <= AUTHORITIES_MAX:
            raise BadAuthoritySet(f"An authority set has 1 to {AUTHORITIES_MAX} members, not {len(keys)}.")
        if any(left >= right for left, right in pairwise(keys)):
            raise BadAuthoritySet("The members of an authority set are sorted by key and distinct.")
        if any(member.weight <= 0 for member in self.members):
            raise BadAuthoritySet("Every member of an authority set has a weight above zero.")
        object.__setattr__(self, "total_weight", sum(member.weight for member in self.members))
        object.__setattr__(self, "_index", {key: index for index, key in enumerate(keys)})

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

    def weight_of(self, account: AccountId) -> int:
        """Return the weight of `account`; 0 when it is no member."""
        index = self._index.get(account)
        return 0 if index is None else self.members[index].weight

    def is_quorum(self, weight: int) -> bool:
        """Tell whether `weight` is more than two thirds of the total."""
        return 3 * weight > 2 * self.total_weight

    def includes_honest(self, weight: int) -> bool:
        """Tell whether members of this weight cannot all be faulty: at least a third of the total."""
        return 3 * weight >= self.total_weight

    def slot_leader(self, slot: Slot) -> AccountId:
        """Return who may produce the block of `slot`."""
        return self.members[slot % len(self.members)].account

    def proposer(self, instance: int, round_number: int) -> AccountId:
        """Return who proposes in a round of finality."""
        return self.members[(instance + round_number) % len(self.members)].account

    @property
    def hash(self) -> Hash:
        """What headers commit to."""
        return set_hash(self.members)
