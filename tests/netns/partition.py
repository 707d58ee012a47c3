"""A network cut in two and healed: real daemons on machines of their own, behind two switches and a router.

    python -m tests.netns.partition [--split 2+2] [--cut 60] [--slot-ms 1000] [--json] [--keep FOLDER]

Every node is an authority. The cut is silent: the router drops whatever would pass, no socket is told. What must hold:

- while cut, a side with a quorum (more than two thirds of all) goes on finalising, one without finalises nothing new;
- once healed, all nodes have one finalised chain, and go on finalising it, within `HEALED_SLOTS`;
- nothing is finalised twice: one hash at every height, over all nodes and all the time;
- nobody signs twice;
- every node notices within `NOTICED_S_MAX` that the others are gone (a node that believes in dead connections neither
  tells its user the truth nor dials).

It also tells how soon the sides were connected again.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.devnet import founded
from node.control.api import PeersRequest
from node.control.client_sync import SyncClient
from node.control.options import DaemonConfig
from node.primitives.errors import NodeError
from node.service import devnet
from node.service.devnet import Devnet
from p2p import limits
from tests.crash.node_kills import Findings
from tests.netns.lab import Lab
from tests.soak.fleet import Fleet

HEALED_SLOTS: Final = 20
"""Slots from the end of the cut until all nodes have finalised a block that was made after it."""
MESHED_S_MAX: Final = 60.0
"""All nodes must know each other before the cut; eight seconds on an idle machine."""
NOTICED_S_MAX: Final = 2 * limits.SILENCE_MAX_S + limits.KEEPALIVE_S
"""A silent connection is ended by the system within twice the silence; the rest is a busy machine."""
WATCHED_S: Final = 90.0
"""How long a healed network is watched at most."""
MEET_BLOCKS: Final = 3
POLL_S: Final = 0.25
SIDES: Final = ("a", "b")


class Outcome(msgspec.Struct, frozen=True):
    """One cut. Seconds; `noticed_s` and `rejoined_s` are from the cut and from the healing, for the slowest node."""

    split: tuple[int, int]
    cut_s: float
    slot_ms: int
    noticed_s: float | None
    first_contact_s: float | None
    rejoined_s: float | None
    healed_slots: float | None
    finalised_while_cut: tuple[int, int]
    final_height: int
    wrong: tuple[str, ...]

    def text(self) -> str:
        """The outcome for people."""
        return "\n".join(
            (
                f"{self.split[0]}+{self.split[1]} authorities, slots of {self.slot_ms} ms, cut for {self.cut_s:g} s",
                f"noticed by every node after {_shown(self.noticed_s)} s",
                f"finalised while cut: {self.finalised_while_cut[0]} and {self.finalised_while_cut[1]} blocks",
                f"healed: first connection after {_shown(self.first_contact_s)} s, all after "
                f"{_shown(self.rejoined_s)} s, one chain after {_shown(self.healed_slots)} slots",
                f"{self.final_height} final blocks in every store",
                *(f"WRONG: {each}" for each in self.wrong),
                *(() if self.wrong else ("all promises held",)),
            )
        )


@dataclass
class Partition:
    """Two sides of a lab, and the nodes on them."""

    lab: Lab
    folder: Path
    split: tuple[int, int]
    slot_ms: int
    findings: Findings = field(default_factory=Findings)

    def __post_init__(self) -> None:
        self.net, _, _ = founded(self.folder / "net", authorities=sum(self.split), slot_ms=self.slot_ms, people=1)
        self.sides: dict[str, list[str]] = {side: [] for side in SIDES}
        machines = self._cable()
        addresses = [
            f"/ip4/{machine.ip}/tcp/{entry.port}" for machine, entry in zip(machines, self.net.file.nodes, strict=True)
        ]
        self.fleet = Fleet(
            list(configs_at(self.net, addresses, self.folder)),
            self.findings,
            {machine.name: partial(_run_on, self.lab, machine.name) for machine in machines},
        )
        self.peer_sides = {
            entry.peer_id: side for entry in self.net.file.nodes for side in SIDES if entry.name in self.sides[side]
        }

    def run(self, cut_s: float, say: Callable[[str], None]) -> Outcome:
        """Start the nodes, cut for `cut_s` seconds, heal, judge."""
        try:
            self._start()
            say("all nodes know each other and finalise")
            before = {side: self._final(side) for side in SIDES}
            self._cut()
            noticed_s, finalised = self._watch_cut(cut_s, before, say)
            self._heal()
            first_s, rejoined_s, healed_s = self._watch_healing(say)
        finally:
            self.fleet.stop()
        self.fleet.read_logs()
        height = self.fleet.chains_agree()
        slots = None if healed_s is None else healed_s * 1000 / self.slot_ms
        if slots is None or slots > HEALED_SLOTS:
            self.findings.wrong.append(f"one chain after {_shown(slots)} slots, {HEALED_SLOTS} are allowed")
        return Outcome(
            self.split, cut_s, self.slot_ms, noticed_s, first_s, rejoined_s, slots, finalised, height,
            tuple(self.findings.wrong),
        )  # fmt: skip

    # The lab

    def _cable(self) -> list["Machine"]:
        self.lab.router("router")
        machines = []
        numbers = iter(self.net.file.nodes)
        for subnet, (side, count) in enumerate(zip(SIDES, self.split, strict=True), 1):
            self.lab.switch("router", f"br-{side}", f"10.77.{subnet}.1/24")
            for number in range(count):
                name, ip = next(numbers).name, f"10.77.{subnet}.{number + 10}"
                self.lab.machine(name)
                self.lab.cable(name, "eth0", "router", f"{side}{number}")
                self.lab.plug("router", f"{side}{number}", f"br-{side}")
                self.lab.address(name, "eth0", f"{ip}/24", gateway=f"10.77.{subnet}.1")
                self.sides[side].append(name)
                machines.append(Machine(name, ip))
        return machines

    def _cut(self) -> None:
        for half in _HALVES:
            self.lab.ip("router", "route", "add", "blackhole", half)

    def _heal(self) -> None:
        for half in _HALVES:
            self.lab.ip("router", "route", "del", "blackhole", half)

    # Watching

    def _start(self) -> None:
        for name in self.fleet.members:
            self.fleet.spawn(name)
        for name in self.fleet.members:
            if self.fleet.wait(name) is None:
                raise RuntimeError(f"{name} does not start; its daemon.log says why (use --keep)")
        devnet.wait_for_finality(self.net, lambda step: None)
        give_up_s = time.monotonic() + MESHED_S_MAX
        while any(len(self._peers(name)) < sum(self.split) - 1 for name in self.fleet.members):
            if time.monotonic() > give_up_s:
                raise RuntimeError(f"not all nodes were connected within {MESHED_S_MAX:g} s")
            time.sleep(POLL_S)

    def _watch_cut(
        self, cut_s: float, before: dict[str, int], say: Callable[[str], None]
    ) -> tuple[float | None, tuple[int, int]]:
        begin_s, noticed_s = time.monotonic(), None
        unaware = set(self.fleet.members)
        while time.monotonic() - begin_s < cut_s:
            for name in [each for each in sorted(unaware) if not self._across(each)]:
                unaware.discard(name)
                noticed_s = None if unaware else time.monotonic() - begin_s
                say(f"cut: noticed by {name} after {time.monotonic() - begin_s:.1f} s")
            self.fleet.statuses()
            time.sleep(POLL_S)
        grown = tuple(self._final(side) - before[side] for side in SIDES)
        say(f"cut for {cut_s:g} s: finalised {grown[0]} and {grown[1]} blocks meanwhile")
        if (cut_s if noticed_s is None else noticed_s) > NOTICED_S_MAX:
            self.findings.wrong.append(f"the cut was not noticed by every node within {NOTICED_S_MAX:g} s")
        for side, blocks in zip(SIDES, grown, strict=True):
            self._judge_side(side, blocks, cut_s)
        return noticed_s, (grown[0], grown[1])

    def _judge_side(self, side: str, blocks: int, cut_s: float) -> None:
        """Votes under way when the cut came may finalise a block or two; a quorum makes at least one in two slots."""
        if len(self.sides[side]) * 3 > sum(self.split) * 2:
            if blocks < cut_s * 1000 / self.slot_ms / 4:
                self.findings.wrong.append(f"side {side} has a quorum and finalised only {blocks} blocks")
        elif blocks > MEET_BLOCKS:
            self.findings.wrong.append(f"side {side} has no quorum and finalised {blocks} blocks")

    def _watch_healing(self, say: Callable[[str], None]) -> tuple[float | None, float | None, float | None]:
        """Seconds until the first connection across, until everybody has all, until one chain goes on at all nodes."""
        begin_s = time.monotonic()
        first_s: float | None = None
        rejoined_s: float | None = None
        healed_s: float | None = None
        goal = max(seen.height for seen in self.fleet.statuses().values()) + 1
        while time.monotonic() - begin_s < WATCHED_S and (rejoined_s is None or healed_s is None):
            across = [self._across(name) for name in self.fleet.members]
            passed_s = time.monotonic() - begin_s
            if first_s is None and any(across):
                first_s = passed_s
                say(f"healed: first connection after {first_s:.1f} s")
            if rejoined_s is None and all(across):
                rejoined_s = passed_s
                say(f"healed: every node is connected to the other side after {rejoined_s:.1f} s")
            seen = self.fleet.statuses()
            if healed_s is None and len(seen) == sum(self.split):
                lowest = min(seen.values(), key=lambda each: each.finalized_height)
                if lowest.finalized_height >= goal:
                    healed_s = time.monotonic() - begin_s
                    say(f"healed: one chain at height {lowest.finalized_height} after {healed_s:.1f} s")
            time.sleep(POLL_S)
        return first_s, rejoined_s, healed_s

    def _final(self, side: str) -> int:
        seen = self.fleet.statuses()
        return max((seen[name].finalized_height for name in self.sides[side] if name in seen), default=0)

    def _peers(self, name: str) -> list[str]:
        try:
            with SyncClient(self.fleet.members[name].config.home) as client:
                return [each.peer_id for each in client.call(PeersRequest())]
        except NodeError:
            return []

    def _across(self, name: str) -> int:
        """How many nodes of the other side a node believes to be connected to."""
        own = next(side for side in SIDES if name in self.sides[side])
        return sum(self.peer_sides.get(peer_id, own) != own for peer_id in self._peers(name))


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine of the lab and its address."""

    name: str
    ip: str


_HALVES: Final = tuple(f"10.77.{subnet}.{half}/25" for subnet in (1, 2) for half in (0, 128))
"""Routes more exact than those to the two sides: what they match is dropped without a word."""


def configs_at(net: Devnet, addresses: list[str], store: Path) -> Iterator[DaemonConfig]:
    """How the nodes run when each has an address of its own; everybody dials the first two."""
    entries = net.file.nodes
    for entry, address in zip(entries, addresses, strict=True):
        others = [f"{addresses[k]}/p2p/{entries[k].peer_id}" for k in (0, 1) if entries[k].name != entry.name]
        config = devnet.node_config(net, entry, store)
        yield replace(config, listen=(address,), bootstrap=tuple(others), role="staker", gateway_port=None, mdns=False)


def _run_on(lab: Lab, machine: str, words: list[str]) -> list[str]:
    return lab.command(machine, *words)


def _shown(number: float | None) -> str:
    return "more than were watched" if number is None else f"{number:.1f}"


@contextmanager
def prepared(folder: Path, split: tuple[int, int], slot_ms: int) -> Iterator[Partition]:
    """A partition whose lab is gone when the block ends."""
    with Lab() as lab:
        yield Partition(lab, folder, split, slot_ms)


def main() -> int:
    """Run and report; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description="Cut a network in two and heal it. Needs root and iproute2.")
    parser.add_argument("--split", default="2+2", help="authorities on either side, such as 2+2 or 3+1")
    parser.add_argument("--cut", type=float, default=60.0, help="seconds")
    parser.add_argument("--slot-ms", type=int, default=1000)
    parser.add_argument("--keep", type=Path, help="a new folder for the homes, which stays; a temporary one otherwise")
    parser.add_argument(
        "--json", action="store_true", help="print the outcome as JSON; progress goes to standard error"
    )
    arguments = parser.parse_args()
    first, _, second = arguments.split.partition("+")
    said_to = sys.stderr if arguments.json else sys.stdout
    with ExitStack() as stack:
        folder = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        part = stack.enter_context(prepared(folder, (int(first), int(second)), arguments.slot_ms))
        outcome = part.run(arguments.cut, lambda line: print(line, file=said_to, flush=True))
    print(msgspec.json.format(msgspec.json.encode(outcome), indent=1).decode() if arguments.json else outcome.text())
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
