"""A whole network under one kernel, with checkers that look after every event."""

from collections.abc import Iterable, Sequence

from node.consensus.authority import AuthoritySet
from node.primitives.types import AccountId, SetId
from tests.simulation.chain import Plan, genesis, key, make_set
from tests.simulation.checkers import Watch
from tests.simulation.kernel import Kernel
from tests.simulation.liars import Equivocator, Inventor, Spammer, Usurper, Withholder
from tests.simulation.network import Faults, Network
from tests.simulation.node import SimNode
from tests.simulation.options import Lie

SLOT_MS = 1000
VALIDATOR_KEYS = 1000  # keys of validators are numbered from here
LIARS: dict[Lie, type[SimNode]] = {
    "equivocate": Equivocator,
    "withhold": Withholder,
    "invent": Inventor,
    "usurp": Usurper,
}


class World:
    """`count` authorities, a second copy of each in `twins`, liars, and nodes without a key.

    With `epoch_blocks` the set turns among the authorities and as many spare ones as may be faulty, with `handover` on
    to stake, of which `validators` hold two fifths. Nodes: a0, a1, … authorities (spare ones included), t0, … the
    twins' copies, v0, … validators, f0, … followers, s0, … spammers.
    """

    def __init__(
        self,
        seed: int,
        count: int,
        *,
        followers: int = 0,
        spammers: int = 0,
        twins: Sequence[int] = (),
        lies: Sequence[Lie] = (),
        faults: Faults | None = None,
        skew_ms: int = 0,
        slot_ms: int = SLOT_MS,
        epoch_blocks: int = 0,
        handover: bool = False,
        validators: int = 0,
        abort_from: int | None = None,
        traced: bool = False,
    ) -> None:
        self.slot_ms = slot_ms
        self.kernel = Kernel(seed, traced=traced)
        self.faults = Faults() if faults is None else faults
        self.network = Network(self.kernel, self.faults)
        self.nodes: dict[str, SimNode] = {}
        self.twins = [f"t{number}" for number in twins]
        liars = range(len(twins), len(twins) + len(lies))
        self.dishonest = {*self.twins, *(f"a{number}" for number in (*twins, *liars))}
        spare = max(1, (count - 1) // 3) if epoch_blocks else 0
        self._anchor = genesis(make_set(count))
        self.validators = [f"v{number}" for number in range(validators)]
        own = {name: key(VALIDATOR_KEYS + number) for number, name in enumerate(self.validators)}
        if epoch_blocks:
            pool = tuple(key(number) for number in range(count + spare))
            plan = Plan(pool, spare, epoch_blocks, handover, tuple(own.values()), abort_from)
            self._anchor = genesis(AuthoritySet.of(SetId(0), plan.first()), plan)
        self.watch = Watch(self._anchor.state)
        for number in range(count + spare):
            kind = LIARS[lies[number - len(twins)]] if number in liars else SimNode
            self._add(f"a{number}", key(number), kind)
        for number in twins:
            self._add(f"t{number}", key(number))
        for name, account in own.items():
            self._add(name, account)
        for number in range(followers):
            self._add(f"f{number}", None)
        for number in range(spammers):
            self._add(f"s{number}", None, Spammer)
            self.dishonest.add(f"s{number}")
        self.watch.dishonest |= self.dishonest
        self.watch.guilty |= {key(number) for number in (*twins, *liars)}
        self.set_clocks(skew_ms)

    def _add(self, name: str, me: AccountId | None, kind: type[SimNode] = SimNode) -> None:
        self.nodes[name] = kind(name, me, self._anchor, self.slot_ms, self.kernel, self.network, self.watch)

    @property
    def honest(self) -> list[SimNode]:
        """The nodes that keep to the rules."""
        return [node for name, node in self.nodes.items() if name not in self.dishonest]

    def set_clocks(self, skew_ms: int) -> None:
        """Set every clock anew, up to `skew_ms` fast or slow."""
        for node in self.nodes.values():
            node.skew_ms = self.kernel.random.randint(-skew_ms, skew_ms)
        if skew_ms * 2 > self.slot_ms // 4:
            self.watch.clocks_are_off = True

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self, but: Iterable[str] = ()) -> "World":
        """Start all nodes, within the first tenth of a slot."""
        for name, node in self.nodes.items():
            if name not in but:
                self.kernel.after(self.kernel.random.randrange(self.slot_ms // 10), node.start)
            if isinstance(node, Spammer):
                node.noise()
        return self

    def run_slots(self, slots: int) -> None:
        """Let `slots` slots pass."""
        self.kernel.run_until(self.kernel.now_ms + slots * self.slot_ms)

    def crash_and_restart(self, names: Iterable[str], down_slots: int, *, power: bool = True) -> None:
        """Kill nodes, with the power or without, and bring them back after a while."""
        for name in names:
            node = self.nodes[name]
            if node.alive:
                if power:
                    node.lose_power()
                else:
                    node.stop()
                self.kernel.after(down_slots * self.slot_ms, node.start)

    # --- partitions ---------------------------------------------------------------------------------------------------

    def shuffle_partitions(self, slots: int, every: int) -> None:
        """Cut the network into two random halves, anew every few slots."""
        for _ in range(slots // every):
            self.cut_halves()
            self.run_slots(every)

    def split_twins(self, slots: int, every: int) -> None:
        """Keep the copies of each twinned key apart, the others evenly between them, anew every few slots."""
        for _ in range(slots // every):
            self.cut_twins()
            self.run_slots(every)

    def cut_halves(self) -> None:
        """Cut into two groups of any size."""
        names = self._shuffled()
        at = self.kernel.random.randrange(len(names) + 1)
        self.network.partition((names[:at], names[at:]))

    def cut_several(self) -> None:
        """Cut into three or four groups."""
        names, groups = self._shuffled(), self.kernel.random.randint(3, 4)
        self.network.partition([names[number::groups] for number in range(groups)])

    def cut_one_off(self) -> None:
        """Nobody hears one node, and it hears nobody."""
        self.network.partition((self._shuffled()[1:],))

    def cut_one_way(self) -> None:
        """Half of the nodes do not hear some others, who may hear them."""
        names, chance = self._shuffled(), self.kernel.random
        self.network.silence(
            {name: {other for other in names if chance.random() < 0.4} for name in names[: len(names) // 2]}
        )

    def cut_twins(self) -> None:
        """Keep the copies of each twinned key apart, the others evenly between them."""
        copies = [name.replace("t", "a") for name in self.twins]
        groups = [list(copies), list(self.twins)]
        others = [name for name in self._shuffled() if name not in self.twins and name not in copies]
        others.sort(key=lambda name: not name.startswith("a"))  # authorities first, so that each side gets its half
        for place, name in enumerate(others):
            groups[place % 2].append(name)
        self.kernel.random.shuffle(groups)
        self.network.partition(groups)

    def heal(self) -> None:
        """End partitions and message faults."""
        self.network.heal()
        self.network.set_faults(Faults(delay_ms_mean=min(self.faults.delay_ms_mean, self.slot_ms // 100)))

    def _shuffled(self) -> list[str]:
        names = list(self.nodes)
        self.kernel.random.shuffle(names)
        return names

    # --- views --------------------------------------------------------------------------------------------------------

    def finalised_heights(self) -> list[int]:
        """Return the finalised height of each living honest node."""
        return [node.height for node in self.honest if node.alive]

    def lags(self) -> list[int]:
        """Return for each living honest node how many slots its finalised block is old."""
        now = self.kernel.now_ms // self.slot_ms
        return [now - node.disk.anchor.header.slot for node in self.honest if node.alive]

    def settled(self, slots: int) -> list[SimNode]:
        """Return the honest nodes that have run for so many slots: who came just now is still fetching."""
        begun_ms = self.kernel.now_ms - slots * self.slot_ms
        return [node for node in self.honest if node.alive and node.started_ms <= begun_ms]
