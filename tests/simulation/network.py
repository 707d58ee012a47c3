"""Links that lose, delay, repeat and reorder messages, and that partitions cut.

A link's whole behaviour is a table drawn at the start: each message takes one row, which lists the delays of its
copies. No row is empty on a good link; a lost message is an empty row, a repeated one a row of two.
"""

import heapq
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from node.consensus.events import BlockReceived, CertificateReceived, MessageReceived
from tests.simulation.kernel import Kernel

ROW_BITS: Final = 10  # 1 024 rows: percentages come out to a tenth of a percent
SLOW_FACTOR: Final = 10  # what a slow node's links take longer

Gossip = BlockReceived | MessageReceived | CertificateReceived
Route = tuple[str, Callable[[Gossip], None], list[tuple[int, ...]]]
"""To whom, how it is handed over, and what happens on the way."""


class Listener(Protocol):
    """A node as the network sees it."""

    name: str
    deaf_to: set[str]

    def hear(self, event: Gossip) -> None:
        """Take a message that arrived."""
        ...

    def serve(self, data: bytes) -> bytes | None:
        """Answer a request; None while down."""
        ...


@dataclass(frozen=True)
class Faults:
    """What links do to messages; delays are exponential, so messages overtake each other."""

    drop_percent: int = 0
    duplicate_percent: int = 0
    delay_ms_mean: int = 20

    def table(self, chance: random.Random, factor: int = 1) -> list[tuple[int, ...]]:
        """Draw the rows of a link that is `factor` times slower than usual."""

        def row() -> tuple[int, ...]:
            if chance.randrange(100) < self.drop_percent:
                return ()
            copies = 2 if chance.randrange(100) < self.duplicate_percent else 1
            return tuple(1 + int(chance.expovariate(1 / (factor * self.delay_ms_mean))) for _ in range(copies))

        return [row() for _ in range(1 << ROW_BITS)]


class Network:
    """Carries gossip and requests between nodes by name."""

    def __init__(self, kernel: Kernel, faults: Faults) -> None:
        self._kernel = kernel
        self._nodes: dict[str, Listener] = {}
        self._slow: frozenset[str] = frozenset()
        self._routes: dict[str, list[Route]] = {}
        self.set_faults(faults)

    def join(self, node: Listener) -> None:
        """Connect a node."""
        self._nodes[node.name] = node
        self._route()

    def names(self) -> list[str]:
        """Return everybody."""
        return list(self._nodes)

    def set_faults(self, faults: Faults, slow: Iterable[str] = ()) -> None:
        """From now on links do this; those of `slow` nodes take ten times as long."""
        chance = self._kernel.random
        self._usual, self._sluggish = faults.table(chance), faults.table(chance, SLOW_FACTOR)
        self._slow = frozenset(slow)
        self._route()

    def partition(self, groups: Iterable[Iterable[str]]) -> None:
        """Only members of one group hear each other from now on; who is in none hears the others of none."""
        group_of = {name: number for number, group in enumerate(groups) for name in group}
        self.silence(
            {
                target: {sender for sender in self._nodes if group_of.get(sender, -1) != group_of.get(target, -1)}
                for target in self._nodes
            }
        )

    def silence(self, deaf: Mapping[str, set[str]]) -> None:
        """Each target hears nothing from the senders named, neither what is said from now on nor what is on the way."""
        for name, node in self._nodes.items():
            node.deaf_to = deaf.get(name, set()) - {name}
        self._route()

    def heal(self) -> None:
        """Everybody hears everybody."""
        self.silence({})

    def broadcast(self, sender: str, event: Gossip) -> None:
        """Send to everybody who can hear `sender`."""
        self._carry(self._routes[sender], event)

    def send(self, sender: str, targets: Iterable[str], event: Gossip) -> None:
        """Send to those of `targets` who can hear `sender`."""
        wanted = set(targets)
        self._carry([route for route in self._routes[sender] if route[0] in wanted], event)

    def request(self, sender: str, target: str, data: bytes, reply: Callable[[bytes | None], None]) -> None:
        """Ask `target`; the reply may never come, or be None where the target is down."""

        def served(_: object) -> None:
            answer = self._nodes[target].serve(data)
            if sender not in self._nodes[target].deaf_to:
                self._whisper(target, sender, lambda _: reply(answer))

        self._whisper(sender, target, served)

    def _whisper(self, sender: str, target: str, action: Callable[[object], None]) -> None:
        """Carry between two; a copy would be the same answer twice, so there is at most one."""
        for name, _, rows in self._routes.get(sender, ()):
            if name == target:
                for delay_ms in rows[self._kernel.random.getrandbits(ROW_BITS)][:1]:
                    self._kernel.after(delay_ms, self._arrive, (sender, target, action))

    def _arrive(self, parcel: tuple[str, str, Callable[[object], None]]) -> None:
        sender, target, action = parcel
        if sender not in self._nodes[target].deaf_to:
            action(None)

    def _carry(self, routes: list[Route], event: Gossip) -> None:
        """The innermost loop of the simulator: one entry for each copy."""
        kernel = self._kernel
        draw, heap, push = kernel.random.getrandbits, kernel.heap, heapq.heappush
        now_ms, order = kernel.now_ms, kernel.order
        for _, hear, rows in routes:
            for delay_ms in rows[draw(ROW_BITS)]:
                order += 1
                push(heap, (now_ms + delay_ms, order, hear, event))
        kernel.order = order

    def _route(self) -> None:
        """Work out for each sender who hears it, and over which link."""
        self._routes = {
            sender: [
                (name, node.hear, self._sluggish if self._slow & {sender, name} else self._usual)
                for name, node in self._nodes.items()
                if name != sender and sender not in node.deaf_to
            ]
            for sender in self._nodes
        }
