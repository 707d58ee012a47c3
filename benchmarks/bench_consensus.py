"""The consensus engine under the simulator: simulated hours of a whole network of 12 s slots per CPU-second.

Calm links, then lossy ones with a random partition every five slots; with every node honest, then with as many twins
(one key run twice, kept apart) as the rule of votes tolerates. Every promise is checked while it runs. Signatures are
keyed hashes there, so this is the cost of the machines and of the simulator around them, without Ed25519.
"""

from collections.abc import Callable
from time import process_time

from benchmarks.measure import at_least, best_cpu_s, grouped, show, title
from tests.simulation.network import Faults
from tests.simulation.options import SLOT_MS
from tests.simulation.world import World

HOUR_SLOTS = 3_600_000 // SLOT_MS
SHUFFLE_SLOTS = 5
HOURS_PER_CPU_S = 5.0
TARGET_COUNT = 7
COUNTS = {4: HOUR_SLOTS, 7: HOUR_SLOTS, 21: HOUR_SLOTS // 5}  # authorities: slots simulated
LINKS = Faults(drop_percent=2, duplicate_percent=2, delay_ms_mean=100)
TURNS = 3


def calm(count: int, slots: int) -> World:
    """Nobody lies, nothing is lost."""
    world = World(1, count, slot_ms=SLOT_MS, faults=Faults(delay_ms_mean=100)).start()
    world.run_slots(slots)
    return world


def storm(count: int, slots: int) -> World:
    """Losses, repeats, skewed clocks and partitions."""
    world = World(1, count, slot_ms=SLOT_MS, faults=LINKS, skew_ms=SLOT_MS // 16).start()
    world.shuffle_partitions(slots, SHUFFLE_SLOTS)
    return world


def twins(count: int, slots: int) -> World:
    """f of 3f + 1 keys run twice, each copy with one half of the others."""
    world = World(1, count, slot_ms=SLOT_MS, twins=range((count - 1) // 3), faults=LINKS).start()
    world.split_twins(slots, SHUFFLE_SLOTS)
    return world


def measure(what: str, run: Callable[[int, int], World], count: int) -> None:
    """Run it, which raises where a promise breaks; print."""
    slots = COUNTS[count]
    begin = process_time()
    world = run(count, slots)
    first_s = process_time() - begin
    cpu_s = min(first_s, best_cpu_s(lambda: run(count, slots), turns=TURNS - 1))
    rate = slots / HOUR_SLOTS / cpu_s
    against = f"{grouped(world.kernel.events / cpu_s)} events/CPU-s, {max(world.finalised_heights())} blocks final"
    target = f", {at_least(rate, HOURS_PER_CPU_S, ' h/CPU-s')}" if count == TARGET_COUNT else ""
    show(f"{count} authorities, {what}", f"{rate:.2f} h/CPU-s", against + target)


def main() -> None:
    """Measure and print."""
    title(f"Consensus: simulated hours of {HOUR_SLOTS} slots of {SLOT_MS // 1000} s")
    for count in COUNTS:
        measure("calm", calm, count)
        measure("losses and partitions", storm, count)
        measure("f twins kept apart, losses", twins, count)


if __name__ == "__main__":
    main()
