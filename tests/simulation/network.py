"""Links that lose, delay, repeat and reorder messages, and that partitions cut."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from tests.simulation.kernel import Kernel


@dataclass(frozen=True)
class Faults:
    """What links do to messages; delays are exponential, so messages overtake each other."""

    drop_percent: int = 0
    duplicate_percent: int = 0
    delay_ms_mean: int = 20

    @classmethod
    def drawn(cls, kernel: Kernel) -> "Faults":
        """Each seed gets its own mix, some of them with a fault switched off."""
        chance = kernel.random
        return cls(chance.choice((0, 2, 5)), chance.choice((0, 2, 10)), chance.choice((5, 20, 60)))


class Network:
    """Delivers to handlers by name; `None` as the reply of a request stands for a failure."""

    def __init__(self, kernel: Kernel, faults: Faults) -> None:
        self._kernel = kernel
        self.faults = faults
        self._handlers: dict[str, Callable[[str, bytes], None]] = {}
        self._servers: dict[str, Callable[[bytes], bytes | None]] = {}
        self._groups: dict[str, int] = {}

    def join(self, name: str, handler: Callable[[str, bytes], None], server: Callable[[bytes], bytes | None]) -> None:
        """Connect a node."""
        self._handlers[name] = handler
        self._servers[name] = server

    def names(self) -> list[str]:
        """Return everybody."""
        return list(self._handlers)

    def partition(self, groups: Iterable[Iterable[str]]) -> None:
        """Only members of one group hear each other from now on."""
        self._groups = {name: number for number, group in enumerate(groups) for name in group}

    def heal(self) -> None:
        """Everybody hears everybody."""
        self._groups = {}

    def broadcast(self, sender: str, data: bytes) -> None:
        """Send to everybody else."""
        for name in self._handlers:
            if name != sender:
                copies = 2 if self._chance(self.faults.duplicate_percent) else 1
                for _ in range(copies):
                    self._carry(sender, name, partial(self._handlers[name], sender, data))

    def request(self, sender: str, target: str, data: bytes, reply: Callable[[bytes | None], None]) -> None:
        """Ask `target`; the reply may never come."""

        def served() -> None:
            answer = self._servers[target](data)
            self._carry(target, sender, lambda: reply(answer))

        if target in self._servers:
            self._carry(sender, target, served)

    def _carry(self, sender: str, target: str, action: Callable[[], None]) -> None:
        if self._groups.get(sender, 0) != self._groups.get(target, 0) or self._chance(self.faults.drop_percent):
            return
        delay_ms = 1 + int(self._kernel.random.expovariate(1 / self.faults.delay_ms_mean))

        def arrive() -> None:
            if self._groups.get(sender, 0) == self._groups.get(target, 0):
                action()

        self._kernel.after(delay_ms, arrive)

    def _chance(self, percent: int) -> bool:
        return percent > 0 and self._kernel.random.randrange(100) < percent
