"""Refuses what was seen before, in bounded memory: a digest needs to be kept only while its height is still fresh."""

from collections import OrderedDict

from node.primitives.limits import REPLAY_CACHE_MAX, REQUEST_AGE_BLOCKS_MAX
from node.primitives.types import Hash, Height


def is_fresh(height: Height, now: Height) -> bool:
    """Tell whether a message signed at `height` is young enough; a little ahead is allowed, our chain may lag."""
    return abs(now - height) <= REQUEST_AGE_BLOCKS_MAX


class ReplayCache:
    """Digests of fresh messages. When full, the oldest go: a flood shortens memory and never grows it."""

    def __init__(self, capacity: int = REPLAY_CACHE_MAX) -> None:
        self._capacity = capacity
        self._seen: OrderedDict[Hash, Height] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def first_time(self, message: Hash, height: Height, now: Height) -> bool:
        """Remember a message signed at `height`; False when it is known already."""
        self._forget(now)
        if message in self._seen:
            return False
        self._seen[message] = height
        if len(self._seen) > self._capacity:
            self._seen.popitem(last=False)
        return True

    def _forget(self, now: Height) -> None:
        # Entries lie in order of arrival, which is nearly the order of heights: a younger one in front only delays.
        while self._seen:
            digest, height = next(iter(self._seen.items()))
            if height + REQUEST_AGE_BLOCKS_MAX >= now:
                return
            del self._seen[digest]
