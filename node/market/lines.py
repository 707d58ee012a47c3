"""How many calls of this node run at one miner at once, in one subnet: the next one waits here, in order of arrival.

A miner takes so many of one caller and refuses the rest; a validator's burst, its audits and its users' questions
would push each other out otherwise. Must not know what is asked.
"""

from dataclasses import dataclass, field

import trio

from node.market.limits import CALLS_PER_MINER_MAX
from node.primitives.types import AccountId


@dataclass(slots=True)
class _Line:
    places: trio.Semaphore
    wanted_by: int = 0  # calls that hold a place or wait for one


@dataclass(slots=True)
class Lines:
    """The places of one context, by miner; a miner that nobody calls takes no memory."""

    per_miner: int = CALLS_PER_MINER_MAX
    _lines: dict[AccountId, _Line] = field(default_factory=dict)

    async def enter(self, miner: AccountId) -> None:
        """Take a place at a miner, waiting for one; every call that returns is followed by one `leave`."""
        line = self._lines.get(miner)
        if line is None:
            line = self._lines[miner] = _Line(trio.Semaphore(self.per_miner))
        line.wanted_by += 1
        try:
            await line.places.acquire()
        except BaseException:
            self._forget(miner, line)
            raise

    def leave(self, miner: AccountId) -> None:
        """Give the place back."""
        line = self._lines[miner]
        line.places.release()
        self._forget(miner, line)

    def __len__(self) -> int:
        return len(self._lines)

    def _forget(self, miner: AccountId, line: _Line) -> None:
        line.wanted_by -= 1
        if not line.wanted_by:
            del self._lines[miner]
