"""What a validator has seen of rows: which holders showed which content, and whose content is whose again.

Kept in memory and bounded; the oldest go first. Holders with one coldkey are one witness.
"""

from collections import OrderedDict
from typing import Final, NamedTuple

from node.primitives.types import AccountId
from node.subnets.data_universe.entities import Bucket, Entity, text_hash, uri_hash
from node.subnets.data_universe.limits import SIMHASH_DISTANCE_MAX, WITNESSES_KEPT_MAX
from node.subnets.data_universe.similar import bands, distance, simhash

_COPIES_KEPT: Final = 16  # of one band: more say nothing new


class _Seen(NamedTuple):
    number: int
    holder: AccountId
    uri: bytes
    bucket: Bucket


class Witnesses:
    """Contents by place and by likeness."""

    def __init__(self, kept_max: int = WITNESSES_KEPT_MAX) -> None:
        self._kept_max = kept_max
        self._by_uri: OrderedDict[bytes, dict[AccountId, tuple[bytes, int]]] = OrderedDict()
        self._alike: OrderedDict[tuple[int, int], list[_Seen]] = OrderedDict()

    def saw(self, coldkey: AccountId, entity: Entity) -> None:
        """A holder with that coldkey has shown a row."""
        name = uri_hash(entity.uri)
        self._by_uri.setdefault(name, {})[coldkey] = _said(entity)
        self._by_uri.move_to_end(name)
        while len(self._by_uri) > self._kept_max:
            self._by_uri.popitem(last=False)

    def opinions(self, coldkey: AccountId, entity: Entity) -> tuple[int, int]:
        """How many others have shown the same content and hour of that place, and how many something else."""
        own = _said(entity)
        others = [seen for who, seen in self._by_uri.get(uri_hash(entity.uri), {}).items() if who != coldkey]
        same = sum(1 for seen in others if seen == own)
        return same, len(others) - same

    def copies(self, holder: AccountId, entity: Entity) -> tuple[int, int]:
        """In how many other places this content or one very like it was shown: by this holder, by others; notes it.

        The same place at another holder is no copy: that is shared by size. The same content under another label or
        another address is.
        """
        number, name = simhash(entity.content), uri_hash(entity.uri)
        found: set[tuple[AccountId, bytes]] = set()
        for band in bands(number):
            seen = self._alike.setdefault(band, [])
            self._alike.move_to_end(band)
            for each in seen:
                if distance(each.number, number) <= SIMHASH_DISTANCE_MAX and _elsewhere(each, name, entity.bucket):
                    found.add((each.holder, each.uri))
            if not any(each.holder == holder and each.uri == name for each in seen):
                seen.append(_Seen(number, holder, name, entity.bucket))
                del seen[:-_COPIES_KEPT]
        while len(self._alike) > self._kept_max:
            self._alike.popitem(last=False)
        own = sum(1 for who, _ in found if who == holder)
        return own, len(found) - own


def _said(entity: Entity) -> tuple[bytes, int]:
    return text_hash(entity.content), entity.bucket.hour


def _elsewhere(seen: _Seen, uri: bytes, bucket: Bucket) -> bool:
    return seen.uri != uri or seen.bucket != bucket
