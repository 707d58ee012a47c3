"""The consensus engine under the simulator: simulated hours of a whole network of 1 s slots per CPU-second.

Calm links, then lossy ones with a random partition every five slots; with every node honest, then with as many twins
(one key run twice, kept apart) as the rule of votes tolerates. Safety is checked while it runs. Signatures are keyed
hashes there, so this is the cost of the machines and of the simulator around them, without Ed25519.
"""

from collections.abc import Callable
from time import process_time

from benchmarks.measure import at_least, best_cpu_s, show, title
from tests.simulation.network import Faults
from tests.simulation.world import SLOT_MS, World

SLOTS = 300
SHUFFLE_SLOTS = 5
HOUR_MS = 3_600_000
HOURS_PER_CPU_S = 5.0
COUNTS = (4, 7)
TURNS = 2


def calm(count: int) -> World:
    """Nobody lies, nothing is lost."""
    world = World(1, count, faults=Faults()).start()
    world.run_slots(SLOTS)
    return world


def storm(count: int) -> World:
    """Losses, repeats, skewed clocks and partitions."""
    world = World(1, count, faults=Faults(2, 2, 20), skew_ms=100).start()
    world.shuffle_partitions(SLOTS, SHUFFLE_SLOTS)
    return world


def twins(count: int) -> World:
    """f of 3f + 1 keys run twice, each copy with one half of the others."""
    world = World(1, count, twins=range((count - 1) // 3), faults=Faults(2, 2, 20)).start()
    world.split_twins(SLOTS, SHUFFLE_SLOTS)
    return world


def measure(what: str, run: Callable[[int], World], count: int) -> None:
    """Run it, refuse a run that broke safety, print."""
    begin = process_time()
    world = run(count)
    first_s = process_time() - begin
    if world.violations:
        raise RuntimeError(f"{what}, {count} authorities: {world.violations[0]}")
    cpu_s = min(first_s, best_cpu_s(lambda: run(count), turns=TURNS - 1))
    rate = SLOTS * SLOT_MS / HOUR_MS / cpu_s
    against = f"{SLOTS / cpu_s:.0f} slots/CPU-s, {max(world.finalised_heights())} blocks final"
    target = f", {at_least(rate, HOURS_PER_CPU_S, ' h/CPU-s')}" if count == max(COUNTS) else ""
    show(f"{count} authorities, {what}", f"{rate:.3f} h/CPU-s", against + target)


def main() -> None:
    """Measure and print."""
    title(f"Consensus: {SLOTS} slots of {SLOT_MS} ms simulated")
    for count in COUNTS:
        measure("calm", calm, count)
        measure("losses and partitions", storm, count)
        measure("f twins kept apart, losses", twins, count)


if __name__ == "__main__":
    main()
