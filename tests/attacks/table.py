"""`python -m tests.attacks.table [--side ours|stock] [--only NAME ...]`: run the attacks, print what came of them.

What was seen is kept in build/attacks.json; once every attack is in there, docs/attacks.md is written from it.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from tests.attacks import arena, page, victims
from tests.attacks.arena import Outcome
from tests.attacks.page import Seen
from tests.unit.models.synthetic import tiny_bundle

SEEN = page.ROOT / "build" / "attacks.json"


def against_stock(names: tuple[str, ...], folder: Path) -> dict[str, Seen]:
    """Each attack against a fresh process."""
    outcomes = {}
    for attack in arena.attacks("stock", names):
        place = folder / f"stock-{attack.name}"
        with victims.stock_victim(place) as victim, victims.honest_neighbour(victim, place) as honest:
            outcomes[attack.name] = tell("stock", arena.run(attack, victim, honest))
    return outcomes


def against_ours(names: tuple[str, ...], folder: Path) -> dict[str, Seen]:
    """All attacks against one daemon, which is started again only when one of them ended it."""
    left = arena.attacks("ours", names)
    outcomes: dict[str, Seen] = {}
    (folder / "model").mkdir(parents=True, exist_ok=True)
    model = str(tiny_bundle(folder / "model"))
    while left:
        place = folder / f"ours-{len(left)}"
        place.mkdir(parents=True)
        with victims.our_victim(place, model) as victim, victims.honest_neighbour(victim, place / "honest") as honest:
            victim.protocols = arena.served_by(victim)
            while left and victim.is_alive:
                attack = left.pop(0)
                outcomes[attack.name] = tell("ours", arena.run(attack, victim, honest))
    return outcomes


def tell(side: str, outcome: Outcome) -> Seen:
    """One line as it happens."""
    seen = page.seen(outcome)
    print(side, page.line(seen), outcome.counted, flush=True)
    return seen


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", choices=("ours", "stock"))
    parser.add_argument("--only", nargs="*", default=())
    asked = parser.parse_args()
    names = tuple(asked.only)
    began_s = time.monotonic()
    results: dict[str, dict[str, Seen]] = {}
    with tempfile.TemporaryDirectory(prefix="attacks-") as folder:
        for side, run in (("ours", against_ours), ("stock", against_stock)):
            if asked.side in (None, side):
                results[side] = run(names, Path(folder))
    kept = msgspec.json.decode(SEEN.read_bytes(), type=dict[str, dict[str, Seen]]) if SEEN.exists() else {}
    for side, new in results.items():
        kept.setdefault(side, {}).update(new)
    SEEN.parent.mkdir(parents=True, exist_ok=True)
    SEEN.write_bytes(msgspec.json.format(msgspec.json.encode(kept)))
    missing = [
        f"{side} {each.name}"
        for side in ("ours", "stock")
        for each in arena.attacks(side)
        if each.name not in kept.get(side, {})
    ]
    if missing:
        print(f"not run yet, so docs/attacks.md stays as it is: {', '.join(missing)}")
    else:
        page.PAGE.write_text(page.page(kept["ours"], kept["stock"]))
    print(f"{time.monotonic() - began_s:.0f} s")
    return int(not all(each.alive and each.served and not each.failed for each in kept.get("ours", {}).values()))


if __name__ == "__main__":
    sys.exit(main())
