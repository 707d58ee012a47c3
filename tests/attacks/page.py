"""What was seen of each attack, and the page that shows it."""

from pathlib import Path

import msgspec

from tests.attacks.arena import Outcome
from tests.attacks.book import BOOK

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "attacks.md"
QUIET = (
    "bytes.in", "bytes.out",
    "gossip.published", "gossip.out", "gossip.in", "connections.inbound", "peers.lost", "streams.in", "streams.out",
    "streams.failed", "loop_tasks", "p2p_bans", "reports", "requests.alone", "bans", "reach.served", "dials",
    "dials.failed", "connections.deaf", "gossip.delivered", "gossip.duplicates",
)  # fmt: skip


class Seen(msgspec.Struct, frozen=True):
    """One attack on one victim, in plain values; memory in MiB, `tasks` and the like before and after."""

    name: str
    alive: bool
    last_words: str
    served: int
    failed: int
    worst_ms: int
    newcomer: bool
    banned: bool
    sent: int
    note: str
    counters: dict[str, int]
    rss: tuple[int, int, int]
    """Before, at its highest, after."""
    fds: tuple[int, int]
    tasks: tuple[int, int]
    gossip_gap_s: float


def seen(outcome: Outcome) -> Seen:
    """Return the outcome in the form that is kept."""
    before, after = outcome.before, outcome.after
    service = outcome.service
    return Seen(
        name=outcome.attack.name,
        alive=outcome.alive,
        last_words=outcome.last_words,
        served=service.served,
        failed=service.failed,
        worst_ms=round(service.worst_ms),
        newcomer=outcome.newcomer,
        banned=outcome.banned,
        sent=outcome.sent,
        note=outcome.note,
        counters={name: by for name, by in sorted(outcome.counted.items()) if name not in QUIET},
        rss=(before.rss if before else 0, outcome.peak_mb, after.rss if after else 0),
        fds=(before.fds if before else 0, after.fds if after else 0),
        tasks=(before.tasks if before else 0, after.tasks if after else 0),
        gossip_gap_s=service.silence_s,
    )


def line(each: Seen) -> str:
    """One line for the terminal."""
    return f"{each.name}: {verdict(each)} | {honest(each)} | {fate(each)} | memory {memory(each)}, tasks {each.tasks}"


def verdict(each: Seen) -> str:
    """What became of the victim."""
    if not each.alive:
        return f"**dies** ({each.last_words})"
    if each.served == 0 and not each.newcomer:
        return "**wedged**: lives, serves nobody"
    if not each.newcomer:
        return "**no newcomer gets in**"
    return (
        "lives"
        if not each.failed
        else f"**lives, but {each.failed} of {each.failed + each.served} honest requests fail**"
    )


def honest(each: Seen) -> str:
    """How the honest neighbour was served."""
    return f"{each.served}/{each.served + each.failed}, slowest {each.worst_ms} ms" if each.served else "not served"


def fate(each: Seen) -> str:
    """What became of the offender and what was counted."""
    counted = ", ".join(f"`{name}` +{by}" for name, by in each.counters.items())
    told = "banned" + (f" after {each.sent}" if each.sent else "") if each.banned else ""
    return "; ".join(part for part in (told, each.note, counted) if part) or "nothing to count"


def memory(each: Seen) -> str:
    """Memory before, at its highest and after, in MiB."""
    return " → ".join(map(str, each.rss))


HEAD = """# Attacks

What hostile peers can do to a node, tried: every row is one attack, run against stock py-libp2p 0.8.1 (a fresh process
each) and against a live `neurond` daemon that produces two blocks a second (one process for all rows, so that what an
attack leaves behind shows in the rows below it). An honest neighbour in a process of its own asks for something five
times a second all the while: blocks of ours, an echo of stock. Afterwards a peer that was never seen must get in.

This page is written by `python -m tests.attacks.table`, on a machine with two cores that did other work at the same
time: times are pessimistic. `tests/attacks/test_live.py` runs the attacks against a live daemon with every test run;
what each bound is for stands in [limits.md](limits.md), the design in
[decision 0002](decisions/0002-libp2p-hardened.md). To fuzz the decoders: `make fuzz` (`FUZZ_SECONDS=60` for each
target; what crashes one lies in `build/fuzz`).

*Honest* is answered requests of all, with the slowest answer. *Memory* is MiB before, at its highest, and after. The
rows of stock are missing where only this network has the protocol. A1 to A11 have the numbers under which they were
first found.

| attack | what | stock 0.8.1 | memory of stock | neurond | honest neighbour of neurond | the offender of neurond | memory |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""  # noqa: E501

TAIL = """
## Without an attacker

Faults of the library that need no attacker, and what was done about them; tests named here are in
`tests/unit/p2p/test_attacks.py`:

| fault of stock 0.8.1 | here |
| --- | --- |
| B: a write that is cancelled cuts a frame and with it the connection | one writer a connection (`test_b_…`) |
| C: bulk in both directions deadlocks a connection | the reader never waits for the writer (`test_c_…`) |
| D: a writer whose reader stands still fails after 5 s | streams with credit of their own where a reader may be slow |
| E: gossip is lost in silence: over 1 MiB, above 10 a second, behind 32 of a slow reader | bounds named and counted; repaired by sync |
| F: plaintext and secio are offered, the heartbeat is 120 s | noise alone (row `conn-other-security`), 1 s |
| G: a refused dial surfaces as a group of exceptions | one `UnreachableError` with the reason |
"""  # noqa: E501


def page(ours: dict[str, Seen], stock: dict[str, Seen]) -> str:
    """Return the whole page."""
    rows = []
    for name, attack in BOOK.items():
        mine, theirs = ours[name], stock.get(name)
        left = ("–", "–") if theirs is None else (stock_cell(theirs), memory(theirs))
        cells = (name, attack.what, *left, verdict(mine), honest(mine), fate(mine), memory(mine))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    first, last = next(iter(ours.values())), ours[next(reversed(BOOK))]
    used = (
        f"\nOver all {len(rows)} attacks the daemon went from {first.rss[0]} to {last.rss[2]} MiB, "
        f"from {first.fds[0]} to {last.fds[1]} file descriptors and from {first.tasks[0]} to {last.tasks[1]} tasks.\n"
    )
    return HEAD + "\n".join(rows) + "\n" + used + TAIL


def stock_cell(each: Seen) -> str:
    """What became of stock, with what was noticed."""
    return "; ".join(part for part in (verdict(each), honest(each) if each.alive else "", each.note) if part)


def names_on_page() -> list[str]:
    """The attacks that the page has a row for."""
    lines = PAGE.read_text().splitlines()
    return [line.split("|")[1].strip() for line in lines if line.startswith("| ") and line.count("|") == 9][2:]
