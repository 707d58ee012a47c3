"""Reading the subnet's state: which chutes there are, who keeps which of them warm, what users ask for. Pure.

`Catalogue` is made for one view and keeps what it parsed; chutes the program brings itself (`house`) come first and
belong to nobody's journal.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from node.market.journal_state import rows_of
from node.primitives.types import AccountId, Hash, Height
from node.subnets.base import View
from node.subnets.chutes.bundle import Chute, chute_id, read_canonical
from node.subnets.chutes.journal import (
    ChuteRow,
    DemandRow,
    WarmRow,
    chute_key,
    chutes_of,
    demand_key,
    instances_of,
    read_row,
    warm_key,
)
from node.subnets.chutes.limits import CHUTES_PARSED_MAX, DAY_BLOCKS


@dataclass(frozen=True, slots=True)
class Listed:
    """A chute as it stands in the catalogue. `price_rao` is its owner's latest recommendation."""

    id: Hash
    chute: Chute
    owner: AccountId
    price_rao: int
    deployed: Height
    is_house: bool = False


class Catalogue:
    """All chutes, by id and by name. Definitions are immutable, so parsed ones are kept from view to view."""

    def __init__(self, house: Sequence[Chute] = ()) -> None:
        self._house = {
            chute_id(chute): Listed(chute_id(chute), chute, AccountId(bytes(32)), chute.price_rao, Height(0), True)
            for chute in house
        }
        self._parsed: dict[bytes, Chute] = {}

    @property
    def house(self) -> tuple[Chute, ...]:
        """The chutes that need no deploy."""
        return tuple(each.chute for each in self._house.values())

    def find(self, view: View, chute: bytes) -> Listed | None:
        """The living chute of that id; it lives as long as its owner has a seat."""
        if chute in self._house:
            return self._house[Hash(chute)]
        for neuron in view.neurons:
            row = read_row(ChuteRow, view.state, chute_key(neuron.hotkey, chute))
            if row is not None:
                return None if row.retired else self._listed(Hash(chute), neuron.hotkey, row)
        return None

    def known(self, chute: bytes) -> Chute | None:
        """The definition of that id, if it was looked at before: definitions never change."""
        house = self._house.get(Hash(chute))
        return self._parsed.get(chute) if house is None else house.chute

    def is_retired(self, view: View, chute: bytes) -> bool:
        """Whether it was there and its owner withdrew it."""
        rows = (read_row(ChuteRow, view.state, chute_key(neuron.hotkey, chute)) for neuron in view.neurons)
        return any(row.retired for row in rows if row is not None)

    def all(self, view: View) -> tuple[Listed, ...]:
        """Every living chute, the program's own first, then by owner's seat and id."""
        found = list(self._house.values())
        for neuron in view.neurons:
            for chute, row in chutes_of(rows_of(view.state, neuron.hotkey), neuron.hotkey).items():
                if not row.retired and chute not in self._house:
                    found.append(self._listed(Hash(chute), neuron.hotkey, row))
        return tuple(found)

    def named(self, view: View, name: str) -> Listed | None:
        """The chute of that id in hex, or else the oldest living one of that name."""
        fits = [each for each in self.all(view) if each.id.hex() == name or each.chute.name == name]
        fits.sort(key=lambda each: (each.id.hex() != name, not each.is_house, each.deployed, each.id))
        return fits[0] if fits else None

    def _listed(self, chute: Hash, owner: AccountId, row: ChuteRow) -> Listed:
        if chute not in self._parsed:
            while len(self._parsed) >= CHUTES_PARSED_MAX:
                del self._parsed[next(iter(self._parsed))]
            self._parsed[chute] = read_canonical(row.chute)
        return Listed(chute, self._parsed[chute], owner, row.price_rao, row.deployed)


def warm_miners(view: View, chute: bytes, *, since: int | None = None) -> tuple[AccountId, ...]:
    """Seats that say they keep an instance now; only those warm since that height or earlier, if one is given."""
    found = []
    for neuron in view.neurons:
        row = read_row(WarmRow, view.state, warm_key(neuron.hotkey, chute))
        if row is not None and row.until >= view.height and (since is None or row.since <= since):
            found.append(neuron.hotkey)
    return tuple(found)


def warm_chutes(view: View, miner: AccountId) -> tuple[bytes, ...]:
    """The chutes a miner says it keeps warm now, in order of their ids."""
    rows = instances_of(rows_of(view.state, miner), miner)
    return tuple(chute for chute, row in rows.items() if row.until >= view.height)


def demand_of(view: View) -> dict[bytes, float]:
    """The share of users' calls that each chute got in the last day, by the word of validators with a permit.

    Each validator's word counts alike whatever number it names, so that one cannot drown the others.
    """
    told = []
    for neuron in view.neurons:
        row = read_row(DemandRow, view.state, demand_key(neuron.hotkey)) if neuron.validator_permit else None
        if row is not None and row.calls and row.height + DAY_BLOCKS >= view.height:
            told.append(row)
    shares: dict[bytes, float] = {}
    for row in told:
        total = sum(each.calls for each in row.calls)
        for each in row.calls:
            shares[each.chute] = shares.get(each.chute, 0.0) + each.calls / total / len(told)
    return shares
