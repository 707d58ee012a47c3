"""One seed's run from its options to its outcome: storms of faults, heals in between, and what must hold meanwhile.

A storm is a row of acts of a few slots; each act cuts the network in one of the ways that the options allow (or not at
all) and strikes nodes down. In mode "liveness" every storm ends in a heal after which finality has `RETURN_SLOTS`.
"""

import traceback
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from node.primitives.errors import InvariantBroken
from tests.simulation.checkers import Violation
from tests.simulation.liars import Spammer
from tests.simulation.network import Faults
from tests.simulation.node import SimNode
from tests.simulation.options import Cut, Options
from tests.simulation.world import World

ACT_SLOTS_MAX: Final = 12
STORM_SLOTS_MAX: Final = 90
RETURN_SLOTS: Final = 20  # after a heal: finality resumes, and everybody has caught up
LAG_BLOCKS_MAX: Final = 3
LAG_BLOCKS_OFF_CLOCKS_MAX: Final = 10  # clocks further apart than a quarter slot cost rounds, not safety
JOIN_SLOTS_MAX: Final = 3  # a node that began in the heal has this long to catch up
PERMILLE: Final = 1000
AMBUSH_CHANCE: Final = 0.3
BLACKOUT_CHANCE: Final = 0.2


@dataclass
class Outcome:
    """What a run came to. `violation` is empty where every promise was kept."""

    options: Options
    violation: str = ""
    trace: str = ""
    slots: int = 0
    events: int = 0
    heights: int = 0
    trace_hash: str = ""
    seen: Counter[str] = field(default_factory=Counter)
    returns_slots: list[int] = field(default_factory=list)

    @property
    def as_expected(self) -> bool:
        """A control must break, all others must not."""
        return bool(self.violation) == (self.options.mode == "control")


class Run:
    """The run of `options`; `go` plays it."""

    def __init__(self, options: Options, *, traced: bool = False) -> None:
        self.options = options
        self.world = World(
            options.seed, options.count, followers=options.followers + options.late_followers,
            spammers=options.spammers, twins=range(options.twins), lies=options.lies,
            faults=Faults(options.drop_percent, options.duplicate_percent, options.delay_ms_mean),
            skew_ms=options.skew_ms_max, slot_ms=options.slot_ms, epoch_blocks=options.epoch_blocks,
            handover=options.handover, validators=options.validators, traced=traced,
        )  # fmt: skip
        self._chance = self.world.kernel.random
        self._late = [f"f{number}" for number in range(options.followers, options.followers + options.late_followers)]
        self._outcome = Outcome(options)
        self._is_stormy = False
        if options.ambushes:
            self.world.watch.ambush = self._ambush

    def go(self) -> Outcome:
        """Play the run to its end, or to the first broken promise."""
        outcome, world = self._outcome, self.world
        try:
            self._play()
        except Violation as broken:
            outcome.violation = f"{broken} (at {world.kernel.now_ms} ms)"
        except InvariantBroken as broken:
            outcome.violation = f"the engine stopped itself: {broken} (at {world.kernel.now_ms} ms)"
            outcome.trace = traceback.format_exc()
        except Exception as error:
            outcome.violation = f"a defect: {error!r} (at {world.kernel.now_ms} ms)"
            outcome.trace = traceback.format_exc()
        outcome.slots = world.kernel.now_ms // world.slot_ms
        outcome.events = world.kernel.events
        outcome.heights = max(world.finalised_heights(), default=0)
        outcome.seen = world.watch.seen
        outcome.trace_hash = world.kernel.trace_hash
        return outcome

    def _play(self) -> None:
        options, world = self.options, self.world
        world.start(but=self._late)
        self._put_faults()
        end_ms = options.slots * options.slot_ms
        for name in self._late:
            world.kernel.after(self._chance.randrange(end_ms // 2 + 1), world.nodes[name].start)
        while world.kernel.now_ms < end_ms:
            left = max(1, end_ms // options.slot_ms - world.kernel.now_ms // options.slot_ms)
            self._storm(min(left, self._chance.randint(ACT_SLOTS_MAX, STORM_SLOTS_MAX)))
            if options.mode == "liveness":
                self._heal_and_demand()

    # --- storms -------------------------------------------------------------------------------------------------------

    def _put_faults(self) -> None:
        options, world = self.options, self.world
        faults = Faults(options.drop_percent, options.duplicate_percent, options.delay_ms_mean)
        slow = self._chance.sample(list(world.nodes), min(options.slow_nodes, len(world.nodes)))
        world.network.set_faults(faults, slow)

    def _storm(self, slots: int) -> None:
        self._is_stormy = True
        while slots > 0:
            act = min(slots, self._chance.randint(1, ACT_SLOTS_MAX))
            self._cut()
            self._strike_down(act)
            self._drift(act)
            self.world.run_slots(act)
            slots -= act
        self._is_stormy = False

    def _ambush(self, what: str, name: str) -> None:
        """Cut off who has just decided or locked, before anybody hears of it; let some miss the votes on a proposal.

        The next cut comes within a few slots.
        """
        world, chance = self.world, self._chance
        if not self._is_stormy or chance.random() > AMBUSH_CHANCE:
            return
        if what == "decider" and "blackout" in self.options.ambushes and chance.random() < BLACKOUT_CHANCE:
            world.kernel.after(0, self._black_out_all_but, name)
        elif what not in self.options.ambushes:
            return
        world.watch.count(f"ambush of a {what}")
        if what == "proposer":
            world.cut_one_way()
        else:
            others = [other for other in world.nodes if other != name]
            world.network.partition((others, [name, *chance.sample(others, chance.randint(0, len(others) // 3))]))
        world.kernel.after(chance.randrange(3 * world.slot_ms), self._end_ambush)

    def _black_out_all_but(self, name: str) -> None:
        """One alone knows what was decided; the others come back with nothing but their disks."""
        self.world.watch.count("all but a decider lost power")
        names = [other for other in self.world.nodes if other != name and other not in self._late]
        self.world.crash_and_restart(names, self._chance.randint(0, 1))

    def _end_ambush(self, _: object) -> None:
        if self._is_stormy:
            self._cut()

    def _cut(self) -> None:
        world, options = self.world, self.options
        ways: list[Cut | None] = [None, *options.cuts]
        if options.twins:
            ways += ["twins"] * len(ways)  # half of the time the main adversary
        match self._chance.choice(ways):
            case None:
                world.network.heal()
            case "halves":
                world.cut_halves()
            case "several":
                world.cut_several()
            case "one way":
                world.cut_one_way()
            case "one off":
                world.cut_one_off()
            case "twins":
                world.cut_twins()

    def _strike_down(self, slots: int) -> None:
        """Draw which nodes are killed, lose power or run out of disk in the slots to come."""
        options, chance, world = self.options, self._chance, self.world
        if options.all_at_once and chance.random() < 0.1 and options.power_permille:
            world.kernel.after(chance.randrange(slots * world.slot_ms), lambda _: self._blackout())
        for node in world.nodes.values():
            if isinstance(node, Spammer):
                continue
            for permille, fault in (
                (options.kill_permille, self._kill),
                (options.power_permille, self._cut_power),
                (options.disk_full_permille, self._fill_disk),
            ):
                if permille and chance.random() < slots * permille / PERMILLE:
                    world.kernel.after(chance.randrange(slots * world.slot_ms), fault, node)

    def _blackout(self) -> None:
        self.world.watch.count("all lost power at once")
        self.world.crash_and_restart([name for name in self.world.nodes if name not in self._late], 1)

    def _kill(self, node: SimNode) -> None:
        self.world.crash_and_restart([node.name], self._chance.randint(0, 5), power=False)

    def _cut_power(self, node: SimNode) -> None:
        self.world.crash_and_restart([node.name], self._chance.randint(0, 5))

    def _fill_disk(self, node: SimNode) -> None:
        node.disk.fuse = self._chance.randrange(6)

    def _drift(self, slots: int) -> None:
        options = self.options
        if not options.drift_ms_per_slot:
            return
        most = options.skew_ms_max or options.slot_ms // 16
        for node in self.world.nodes.values():
            node.skew_ms += self._chance.randint(-1, 1) * slots * options.drift_ms_per_slot
            node.skew_ms = max(-most, min(most, node.skew_ms))

    # --- heals --------------------------------------------------------------------------------------------------------

    def _heal_and_demand(self) -> None:
        """End all faults at a random moment; finality must return, and everybody must have caught up in time."""
        world, options = self.world, self.options
        world.kernel.run_until(world.kernel.now_ms + self._chance.randrange(world.slot_ms))
        world.heal()
        stopped = self._stop_liars() if options.liars_stop_at_heal else []
        for node in world.honest:
            node.disk.fuse = None
            if not node.alive and node.name not in self._late:
                node.start()
        before = max(world.finalised_heights())
        self._outcome.returns_slots.append(self._wait_for_finality(before))
        self._demand_agreement()
        for node in stopped:
            node.start()
        self._put_faults()

    def _stop_liars(self) -> list[SimNode]:
        nodes = [node for name, node in self.world.nodes.items() if name in self.world.dishonest and node.alive]
        for node in nodes:
            node.stop()
        return nodes

    def _wait_for_finality(self, before: int) -> int:
        world, back = self.world, RETURN_SLOTS + 1
        for slot in range(1, RETURN_SLOTS + 1):
            world.run_slots(1)
            if back > RETURN_SLOTS and min(world.finalised_heights()) > before:
                back = slot
        if back > RETURN_SLOTS:
            raise Violation(f"finality did not return within {RETURN_SLOTS} slots: {world.finalised_heights()}")
        return back

    def _demand_agreement(self) -> None:
        world = self.world
        most = LAG_BLOCKS_OFF_CLOCKS_MAX if world.watch.clocks_are_off else LAG_BLOCKS_MAX
        nodes = world.settled(JOIN_SLOTS_MAX)
        lag = max(node.engine.head.height for node in nodes) - min(node.height for node in nodes)
        if lag > most:
            raise Violation(f"{lag} blocks between the best head and a finalised block after a heal")
        age = world.kernel.now_ms // world.slot_ms - min(node.disk.anchor.header.slot for node in nodes)
        if options_faultless(self.options) and age > most:
            raise Violation(f"a finalised block is {age} slots old after a heal")


def options_faultless(options: Options) -> bool:
    """Whether nobody leaves a slot empty on purpose."""
    return not options.lies and not options.twins


def run(options: Options, *, traced: bool = False) -> Outcome:
    """Play one run."""
    return Run(options, traced=traced).go()
