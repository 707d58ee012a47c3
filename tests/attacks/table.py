"""`python -m tests.attacks.table [--side ours|stock] [--only NAME ...]`: run the attacks, print what came of them.

Both sides and no `--only`: writes docs/attacks.md.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.attacks import arena, victims
from tests.attacks.arena import Outcome
from tests.unit.models.synthetic import tiny_bundle


def against_stock(names: tuple[str, ...], folder: Path) -> dict[str, Outcome]:
    """Each attack against a fresh process."""
    outcomes = {}
    for attack in arena.attacks("stock", names):
        place = folder / f"stock-{attack.name}"
        with victims.stock_victim(place) as victim, victims.honest_neighbour(victim, place) as honest:
            outcomes[attack.name] = arena.run(attack, victim, honest)
        tell("stock", outcomes[attack.name])
    return outcomes


def against_ours(names: tuple[str, ...], folder: Path) -> dict[str, Outcome]:
    """All attacks against one daemon, which is started again only when one of them ended it."""
    left = arena.attacks("ours", names)
    outcomes: dict[str, Outcome] = {}
    (folder / "model").mkdir(parents=True, exist_ok=True)
    model = str(tiny_bundle(folder / "model"))
    while left:
        place = folder / f"ours-{len(left)}"
        place.mkdir(parents=True)
        with victims.our_victim(place, model) as victim, victims.honest_neighbour(victim, place / "honest") as honest:
            victim.protocols = arena.served_by(victim)
            while left and victim.is_alive:
                attack = left.pop(0)
                outcomes[attack.name] = arena.run(attack, victim, honest)
                tell("ours", outcomes[attack.name])
    return outcomes


def tell(side: str, seen: Outcome) -> None:
    """One line as it happens."""
    fate = "banned" if seen.banned else ""
    state = "alive" if seen.alive else f"DEAD ({seen.last_words})"
    quick = f"{seen.service.served}/{seen.service.served + seen.service.failed} worst {seen.service.worst_ms:.0f} ms"
    gossip = f"gossip gap {seen.service.silence_s:.1f} s"
    newcomer = "" if seen.newcomer else "NO NEWCOMER"
    print(f"{side} {seen.attack.name} [{seen.seconds:.1f} s]: {state} {fate} {newcomer} | honest {quick}, {gossip}"
          f" | sent {seen.sent} {seen.note} | {seen.before} -> {seen.after} | {seen.counted}", flush=True)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", choices=("ours", "stock"))
    parser.add_argument("--only", nargs="*", default=())
    asked = parser.parse_args()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="attacks-") as folder:
        names = tuple(asked.only)
        ours = {} if asked.side == "stock" else against_ours(names, Path(folder))
        stock = {} if asked.side == "ours" else against_stock(names, Path(folder))
    print(f"{len(ours)} attacks on ours, {len(stock)} on stock in {time.monotonic() - began_s:.0f} s")
    return int(not all(each.alive and each.honest_served for each in ours.values()))


if __name__ == "__main__":
    sys.exit(main())
