"""What this node saw of each chute since it started, for statistics and for telling demand. In memory, bounded."""

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field

from node.subnets.chutes.limits import STATS_KEPT_MAX


@dataclass(slots=True)
class Seen:
    """Judged answers as (ms, right), newest last; tasks served and their units; calls of this node's own users."""

    judged: defaultdict[bytes, deque[tuple[int, bool]]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=STATS_KEPT_MAX))
    )
    served: Counter[bytes] = field(default_factory=Counter)
    units: Counter[bytes] = field(default_factory=Counter)
    asked: Counter[bytes] = field(default_factory=Counter)
    untold: Counter[bytes] = field(default_factory=Counter)  # of `asked`, since demand was last told

    def note_asked(self, chute: bytes) -> None:
        """A user of this node called the chute."""
        self.asked[chute] += 1
        self.untold[chute] += 1

    def note_judged(self, chute: bytes, done_ms: int, *, passed: bool) -> None:
        """An answer of some miner was judged."""
        self.judged[chute].append((done_ms, passed))

    def note_served(self, chute: bytes, units: int) -> None:
        """This node answered a task."""
        self.served[chute] += 1
        self.units[chute] += units

    def quantile_ms(self, chute: bytes, share: float) -> int:
        """The time of right answers that this share of them did not exceed; 0 without any."""
        times = sorted(done_ms for done_ms, passed in self.judged.get(chute, ()) if passed)
        return times[min(int(share * len(times)), len(times) - 1)] if times else 0
