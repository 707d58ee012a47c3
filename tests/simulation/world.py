"""A whole network under one kernel, with checkers that look after every finalised block."""

from collections.abc import Iterable, Sequence

from node.consensus.events import Finalised
from node.consensus.evidence import offender
from node.primitives.types import AccountId
from tests.simulation.chain import State, genesis, key, make_set
from tests.simulation.kernel import Kernel
from tests.simulation.network import Faults, Network
from tests.simulation.node import SimNode

SLOT_MS = 1000


class SafetyViolation(AssertionError):
    """Two nodes finalised different blocks at one height, or one went back."""


class World:
    """`count` authorities, `followers` nodes without a key, and a second copy of each authority in `twins`."""

    def __init__(
        self,
        seed: int,
        count: int,
        *,
        followers: int = 0,
        twins: Sequence[int] = (),
        faults: Faults | None = None,
        skew_ms: int = 0,
    ) -> None:
        self.kernel = Kernel(seed)
        self.faults = Faults.drawn(self.kernel) if faults is None else faults
        self.network = Network(self.kernel, self.faults)
        self.violations: list[str] = []
        self.nodes: dict[str, SimNode] = {}
        self.twin_keys = {key(number) for number in twins}
        self._canonical: dict[int, bytes] = {}
        self._root: dict[int, bytes] = {}
        self._height: dict[str, int] = {}
        self._anchor = genesis(make_set(count))
        for number in range(count):
            self._add(f"a{number}", key(number), skew_ms)
        for number in twins:
            self._add(f"t{number}", key(number), skew_ms)
        for number in range(followers):
            self._add(f"f{number}", None, skew_ms)

    def _add(self, name: str, me: AccountId | None, skew_ms: int) -> None:
        skew = self.kernel.random.randint(-skew_ms, skew_ms)
        self.nodes[name] = SimNode(
            name, me, self._anchor, SLOT_MS, self.kernel, self.network, skew_ms=skew, on_finalised=self._check
        )

    def start(self) -> "World":
        """Start all nodes, within the first tenth of a slot."""
        for node in self.nodes.values():
            self.kernel.after(self.kernel.random.randrange(SLOT_MS // 10), node.start)
        return self

    def run_slots(self, slots: int) -> None:
        """Let `slots` slots pass."""
        self.kernel.run_until(self.kernel.now_ms + slots * SLOT_MS)

    def shuffle_partitions(self, slots: int, every: int) -> None:
        """Cut the network into two random halves, anew every few slots."""
        for _ in range(slots // every):
            names = list(self.nodes)
            self.kernel.random.shuffle(names)
            cut = self.kernel.random.randrange(len(names) + 1)
            self.network.partition((names[:cut], names[cut:]))
            self.run_slots(every)

    def split_twins(self, slots: int, every: int) -> None:
        """Keep the copies of each twinned key apart, the others evenly between them, anew every few slots."""
        twins = [name for name in self.nodes if name.startswith("t")]
        copies = [name.replace("t", "a") for name in twins]
        others = [name for name in self.nodes if name not in twins and name not in copies]
        for _ in range(slots // every):
            self.kernel.random.shuffle(others)
            half = len(others) // 2
            self.network.partition((copies + others[:half], twins + others[half:]))
            self.run_slots(every)

    def crash_and_restart(self, names: Iterable[str], down_slots: int) -> None:
        """Kill nodes and bring them back after a while."""
        for name in names:
            node = self.nodes[name]
            if node.alive:
                node.crash()
                self.kernel.after(down_slots * SLOT_MS, node.start)

    def heal(self) -> None:
        """End partitions and message faults."""
        self.network.heal()
        self.network.faults = Faults(delay_ms_mean=self.faults.delay_ms_mean)

    def finalised_heights(self) -> list[int]:
        """Return the finalised height of each living node."""
        return [node.disk.anchor.header.height for node in self.nodes.values() if node.alive]

    def lags(self) -> list[int]:
        """Return for each living node how many slots its finalised block is old."""
        now = self.kernel.now_ms // SLOT_MS
        return [now - node.disk.anchor.header.slot for node in self.nodes.values() if node.alive]

    def convicted(self) -> set[AccountId]:
        """Return whom any node found guilty."""
        found = {offender(evidence) for node in self.nodes.values() for evidence in node.evidence}
        return {who for who in found if who is not None}

    def penalties(self) -> list[str]:
        """Return every penalty that any node gave."""
        return [penalty for node in self.nodes.values() for penalty in node.penalties]

    def _check(self, node: SimNode, final: Finalised[State]) -> None:
        for block, block_hash, state in zip(final.blocks, final.hashes, final.states, strict=True):
            height = block.header.height
            if height != self._height.get(node.name, 0) + 1:
                self._violate(f"{node.name} finalised {height} after {self._height.get(node.name, 0)}")
            self._height[node.name] = height
            if self._canonical.setdefault(height, block_hash) != block_hash:
                self._violate(f"{node.name} finalised another block at {height}")
            elif self._root.setdefault(height, state.root) != state.root:
                self._violate(f"{node.name} has another state at {height}")

    def _violate(self, sentence: str) -> None:
        self.violations.append(sentence)
        if not self.twin_keys:
            raise SafetyViolation(sentence)
