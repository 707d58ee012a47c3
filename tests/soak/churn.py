"""A network that is never whole: real daemons under transfers, one of which is killed every few seconds.

    python -m tests.soak.churn --minutes 30 --nodes 8 [--authorities 4] [--every 20] [--json] [--keep FOLDER]

Two nodes are spared, an authority and a follower, so that processes live through the whole run; the others die with
signal 9, one at a time, and come back. What must hold, and makes the exit code 1 when it does not:

- no finalised block is lost and nothing is signed twice, over all restarts (as in tests.crash.node_kills);
- one chain: at the end every store has the same hash at every finalised height;
- every node that was killed gets back to the head, and all finalise new blocks at the end;
- transfers keep getting into the chain;
- nothing grows: a line through the second half of the long-lived processes' memory, open files, threads and tasks.

One node at a time is down, so that three of four authorities finalise; where a start takes longer than the time between
kills there are fewer kills, and the report tells how many there were.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
import trio

from benchmarks.devnet import founded
from node.primitives.types import Hash
from node.service import devnet
from p2p import HostConfig, open_host
from tests.crash.node_kills import Findings, Listener
from tests.soak.fleet import Fleet
from tests.soak.report import Report, judged
from tests.soak.series import Sample
from tests.soak.traffic import Traffic
from tests.soak.usage import usage_of

GOES_ON_BLOCKS: Final = 3
GOES_ON_S: Final = 90.0
"""All nodes must finalise new blocks so soon after the last kill: a start and catching up, on a busy machine."""
LEVEL_BLOCKS: Final = 2
"""A node whose final block is this close to the others' is back at the head."""
QUIET_S: Final = 10.0
"""Between the last kill and the last look at the chain: what waits in pools gets into blocks."""
BREATH_S: Final = 2.0
"""A machine so busy that a node needs longer than the time between kills to come back gets this much to itself."""
PEOPLE: Final = 16
POLL_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Options:
    """What a run is; `spared` nodes are never killed."""

    minutes: float = 30.0
    nodes: int = 8
    authorities: int = 4
    slot_ms: int = 1000
    every_s: float = 20.0
    sample_s: float = 10.0
    spared: int = 2
    transfers_per_s: float = 2.0
    seed: int = 1


class Churn:
    """One network and what is done to it."""

    def __init__(self, folder: Path, options: Options) -> None:
        self.options = options
        self.findings = Findings()
        self._chance = random.Random(options.seed)
        self._folder = folder
        self.net, self._genesis_hash, people = founded(
            folder / "net", authorities=options.authorities, followers=options.nodes - options.authorities,
            slot_ms=options.slot_ms, people=PEOPLE,
        )  # fmt: skip
        configs = [
            replace(devnet.node_config(self.net, entry, folder), role="staker", mdns=False)
            for entry in self.net.file.nodes
        ]
        self.fleet = Fleet(configs, self.findings)
        self.traffic = Traffic(people, self._chance)
        names = list(self.fleet.members)
        ends = [names[-1], *reversed(names[: options.authorities])]  # a follower, then authorities nobody dials first
        self.spared = ends[: options.spared]
        self.samples: dict[tuple[str, int], list[Sample]] = {}
        self.kills = 0
        self.back_s: list[float] = []
        self._down: set[str] = set()
        self._begin_s = self._end_s = 0.0

    async def run(self, say: Callable[[str], None]) -> Report:
        """Run for the length asked for, stop everything, and judge."""
        addresses = tuple(f"/ip4/127.0.0.1/tcp/{each.port}/p2p/{each.peer_id}" for each in self.net.file.nodes)
        host = HostConfig(identity_path=self._folder / "listener.key", agent="listener")
        executed = 0
        try:
            await self._start_all()
            async with open_host(host) as network, trio.open_nursery() as nursery:
                genesis_hash = Hash(bytes.fromhex(self.net.file.genesis_hash))
                nursery.start_soon(Listener(self.findings).run, network, genesis_hash, addresses)
                await trio.to_thread.run_sync(devnet.wait_for_finality, self.net, lambda step: None)
                self._begin_s = time.monotonic()
                self._end_s = self._begin_s + self.options.minutes * 60
                with trio.move_on_at(trio.current_time() + self.options.minutes * 60):
                    async with trio.open_nursery() as work:
                        work.start_soon(self._sample_always, say)
                        work.start_soon(self._send_always)
                        work.start_soon(self._kill_always)
                executed = await self._settled(say)
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(self.fleet.stop)
        self.fleet.read_logs()
        height = await trio.to_thread.run_sync(self.fleet.chains_agree)
        return judged(self, executed=executed, height=height)

    def line(self) -> str:
        """One line about the state of things."""
        now_s = time.monotonic()
        left_s = max(0.0, self._end_s - now_s)
        newest = [self.samples[key][-1] for key in self.samples if key[0] in self.spared]
        memory = "/".join(f"{each.uss / 1e6:.0f}" for each in newest)
        back = f"back after {median(self.back_s):.1f} s ({max(self.back_s):.1f} at most), " if self.back_s else ""
        return (
            f"{now_s - self._begin_s:.0f} s, {left_s / 60:.1f} min left: final {self.findings.final_height}, "
            f"{self.kills} kills, {back}{self.traffic.taken} transfers, spared use {memory} MB, "
            f"{len(self.findings.wrong)} wrong"
        )

    # Work

    async def _start_all(self) -> None:
        for name in self.fleet.members:
            self.fleet.spawn(name)
        for name in self.fleet.members:
            if await trio.to_thread.run_sync(self.fleet.wait, name) is None:
                raise RuntimeError(f"{name} does not start; its daemon.log says why (use --keep)")

    async def _sample_always(self, say: Callable[[str], None]) -> None:
        while True:
            self._note_ended()
            for name, member in self.fleet.members.items():
                if member.pid is None or name in self._down:
                    continue
                seen = await trio.to_thread.run_sync(self.fleet.status, name)
                if seen is None or seen.pid != member.pid:
                    continue
                at_s = time.monotonic() - self._begin_s
                sample = await trio.to_thread.run_sync(usage_of, seen.pid, seen.gateway_url, at_s)
                if sample is not None:
                    self.samples.setdefault((name, seen.pid), []).append(sample)
            say(self.line())
            await trio.sleep(self.options.sample_s)

    def _note_ended(self) -> None:
        """A node that ended by itself is a finding and stays down."""
        for name in self.fleet.note_ended():
            self._down.add(name)

    async def _send_always(self) -> None:
        while True:
            await trio.sleep(self._chance.expovariate(self.options.transfers_per_s))
            running = [each.config.home for name, each in self.fleet.members.items() if name not in self._down]
            await trio.to_thread.run_sync(self.traffic.send, self._chance.choice(running))

    async def _kill_always(self) -> None:
        names = [name for name in self.fleet.members if name not in self.spared]
        due_s = trio.current_time() + self.options.every_s
        while True:
            await trio.sleep_until(due_s)
            due_s += self.options.every_s
            self._note_ended()
            alive = [name for name in names if name not in self._down]
            with trio.CancelScope(shield=True):  # a node that is down when time is up is brought back first
                await self._kill(self._chance.choice(alive))
            due_s = max(due_s, trio.current_time() + BREATH_S)

    async def _kill(self, name: str) -> None:
        await trio.to_thread.run_sync(self.fleet.status, name)
        self._down.add(name)
        self.fleet.kill(name)
        self.kills += 1
        await trio.to_thread.run_sync(self.fleet.check_left, name, self._folder / "left")
        goal = self.findings.final_height
        self.fleet.spawn(name)
        seen = await trio.to_thread.run_sync(self.fleet.wait, name)
        self._down.discard(name)
        begin_s = self.fleet.members[name].started_s
        while seen is None or seen.finalized_height < max(goal, self.findings.final_height - LEVEL_BLOCKS):
            if time.monotonic() - begin_s > GOES_ON_S:
                self.findings.wrong.append(f"{name} was not back at the head after {GOES_ON_S:g} s")
                return
            await trio.sleep(POLL_S)
            seen = await trio.to_thread.run_sync(self.fleet.status, name)
        self.back_s.append(time.monotonic() - begin_s)

    async def _settled(self, say: Callable[[str], None]) -> int:
        """Everybody finalises new blocks; returns the number of transfers in the chain."""
        say("no more kills: all nodes have to finalise new blocks")
        goal = self.findings.final_height + GOES_ON_BLOCKS
        with trio.move_on_after(GOES_ON_S) as patience:
            for name in self.fleet.members:
                while (seen := await trio.to_thread.run_sync(self.fleet.status, name)) is None or (
                    seen.finalized_height < goal
                ):
                    await trio.sleep(POLL_S)
        if patience.cancelled_caught:
            self.findings.wrong.append(f"not every node finalised height {goal} within {GOES_ON_S:g} s")
            return 0
        await trio.sleep(min(QUIET_S, self.options.minutes * 6))
        return await trio.to_thread.run_sync(self.traffic.executed, self.fleet.members[self.spared[0]].config.home)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def main() -> int:
    """Run and report; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description="Kill and restart nodes of a network for a long time.")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--nodes", type=int, default=8)
    parser.add_argument("--authorities", type=int, default=4)
    parser.add_argument("--slot-ms", type=int, default=1000)
    parser.add_argument("--every", type=float, default=20.0, help="seconds between kills")
    parser.add_argument("--sample", type=float, default=10.0, help="seconds between looks at the processes")
    parser.add_argument("--transfers", type=float, default=2.0, help="transfers a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a new folder for the homes, which stays; a temporary one otherwise")
    parser.add_argument("--json", action="store_true", help="print the report as JSON; progress goes to standard error")
    arguments = parser.parse_args()
    if not 4 <= arguments.authorities <= arguments.nodes:
        parser.error("one of at least four authorities can be down; name 4 to --nodes of them")
    options = Options(
        arguments.minutes, arguments.nodes, arguments.authorities, arguments.slot_ms, arguments.every,
        arguments.sample, transfers_per_s=arguments.transfers, seed=arguments.seed,
    )  # fmt: skip
    said_to = sys.stderr if arguments.json else sys.stdout
    with _folder(arguments.keep) as folder:
        report = trio.run(Churn(folder, options).run, lambda line: print(line, file=said_to, flush=True))
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode(report), indent=1).decode())
    else:
        print(report.text())
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
