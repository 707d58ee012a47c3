"""A machine that falls asleep: one node of a running network is frozen, and woken a minute later.

    python -m tests.soak.suspend [--seconds 60] [--authorities 4] [--slot-ms 1000] [--json] [--keep FOLDER]

The node is stopped with SIGSTOP: its machine still acknowledges packets and takes connections, which is the hard case.
What must hold:

- the others go on finalising while it sleeps;
- once awake it is connected to all others within `BACK_S_MAX` and finalises what they do within `LEVEL_S_MAX`;
- it signs nothing twice, and nothing for a slot that it slept through.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import trio

from benchmarks.devnet import founded
from node.control.api import PeersRequest
from node.control.client_sync import SyncClient
from node.control.wallets import wallet_store
from node.ledger.header import Header
from node.primitives.errors import NodeError
from node.primitives.types import Hash
from node.service import devnet
from p2p import HostConfig, open_host
from tests.crash.node_kills import Findings, Listener
from tests.soak.fleet import Fleet

BACK_S_MAX: Final = 10.0
"""After waking: it hears at once that its connections are gone, and dials after half a second."""
LEVEL_S_MAX: Final = 20.0
"""After waking: a minute of blocks is fetched and executed in a second or two; the rest is a busy machine."""
LEVEL_BLOCKS: Final = 1
"""A final block fewer than the others at the same look is level: nodes do not finalise at the same moment."""
AWAKE_S: Final = 10.0
"""How long the woken node is watched for late signatures."""
MESHED_S_MAX: Final = 60.0
POLL_S: Final = 0.1


class Outcome(msgspec.Struct, frozen=True):
    """One sleep; seconds count from waking, None: not within the time allowed."""

    slept_s: float
    finalised_meanwhile: int
    dropped_by_others_s: float | None
    back_s: float | None
    level_s: float | None
    final_height: int
    wrong: tuple[str, ...]

    def text(self) -> str:
        """The outcome for people."""
        return "\n".join(
            (
                f"asleep for {self.slept_s:g} s: the others finalised {self.finalised_meanwhile} blocks and dropped it "
                f"after {_shown(self.dropped_by_others_s)} s",
                f"awake: connected to all after {_shown(self.back_s)} s, level after {_shown(self.level_s)} s",
                f"{self.final_height} final blocks in every store",
                *(f"WRONG: {each}" for each in self.wrong),
                *(() if self.wrong else ("all promises held",)),
            )
        )


class LateListener(Listener):
    """Hears headers as its base does, and remembers the slots for which one producer sealed."""

    def __init__(self, findings: Findings, producer: bytes) -> None:
        super().__init__(findings)
        self._producer = producer
        self._slots: set[int] = set()

    def hear_header(self, header: Header) -> None:
        """A producer's seal."""
        super().hear_header(header)
        if header.proposer == self._producer:
            self._slots.add(int(header.slot))

    def sealed(self, first: int, last: int) -> list[int]:
        """Slots from `first` to `last` that the producer sealed for, early or late."""
        return sorted(slot for slot in self._slots if first <= slot <= last)


class Sleeper:
    """One network and the last of its authorities, which falls asleep."""

    def __init__(self, folder: Path, authorities: int, slot_ms: int) -> None:
        self.findings = Findings()
        self._folder = folder
        self._slot_ms = slot_ms
        self.net, _, _ = founded(folder / "net", authorities=authorities, slot_ms=slot_ms, people=1)
        configs = [
            replace(devnet.node_config(self.net, entry, folder), role="staker", gateway_port=None, mdns=False)
            for entry in self.net.file.nodes
        ]
        self.fleet = Fleet(configs, self.findings)
        self.sleeper = self.net.file.nodes[-1]
        self.others = [name for name in self.fleet.members if name != self.sleeper.name]
        hotkey = wallet_store(self.fleet.members[self.sleeper.name].config.home).open("default").hotkey().public
        self._listener = LateListener(self.findings, bytes(hotkey))

    async def run(self, seconds: float, say: Callable[[str], None], *, awake_s: float = AWAKE_S) -> Outcome:
        """Start, put to sleep for `seconds`, wake, watch for another `awake_s`, judge."""
        host = HostConfig(identity_path=self._folder / "listener.key", agent="listener")
        addresses = tuple(f"/ip4/127.0.0.1/tcp/{each.port}/p2p/{each.peer_id}" for each in self.net.file.nodes)
        try:
            await trio.to_thread.run_sync(self._start)
            async with open_host(host) as network, trio.open_nursery() as nursery:
                genesis_hash = Hash(bytes.fromhex(self.net.file.genesis_hash))
                nursery.start_soon(self._listener.run, network, genesis_hash, addresses)
                await trio.sleep(1)
                asleep_slot, before = await trio.to_thread.run_sync(self._slot_and_final)
                say(f"{self.sleeper.name} falls asleep at height {before}")
                self.fleet.freeze(self.sleeper.name)
                dropped_s = await trio.to_thread.run_sync(self._watch_sleep, seconds)
                awake_slot, after = await trio.to_thread.run_sync(self._slot_and_final)
                self.fleet.thaw(self.sleeper.name)
                say(f"{self.sleeper.name} wakes; the others are at height {after}")
                back_s, level_s = await trio.to_thread.run_sync(self._watch_waking)
                await trio.sleep(awake_s)
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(self.fleet.stop)
        self.fleet.read_logs()
        height = self.fleet.chains_agree()
        self._judge(seconds, after - before, back_s, level_s)
        # what was on its way when it fell asleep may still come, and the slot of waking is its own
        late = self._listener.sealed(asleep_slot + 2, awake_slot - 1)
        if late:
            self.findings.wrong.append(f"sealed for slots that it slept through: {late}")
        wrong = tuple(self.findings.wrong)
        return Outcome(seconds, after - before, dropped_s, back_s, level_s, height, wrong)

    def _start(self) -> None:
        for name in self.fleet.members:
            self.fleet.spawn(name)
        for name in self.fleet.members:
            if self.fleet.wait(name) is None:
                raise RuntimeError(f"{name} does not start; its daemon.log says why (use --keep)")
        devnet.wait_for_finality(self.net, lambda step: None)
        give_up_s = time.monotonic() + MESHED_S_MAX
        while any(len(self._peers(name)) < len(self.others) for name in self.fleet.members):
            if time.monotonic() > give_up_s:
                raise RuntimeError(f"not all nodes were connected within {MESHED_S_MAX:g} s")
            time.sleep(POLL_S)

    def _slot_and_final(self) -> tuple[int, int]:
        seen = self.fleet.statuses()
        return max(each.slot for each in seen.values()), max(each.finalized_height for each in seen.values())

    def _watch_sleep(self, seconds: float) -> float | None:
        """Seconds until none of the others counts the sleeper among its peers."""
        begin_s, dropped_s = time.monotonic(), None
        while (passed_s := time.monotonic() - begin_s) < seconds:
            if dropped_s is None and not any(self.sleeper.peer_id in self._peers(name) for name in self.others):
                dropped_s = passed_s
            self.fleet.statuses()
            time.sleep(POLL_S)
        return dropped_s

    def _watch_waking(self) -> tuple[float | None, float | None]:
        """Seconds until the woken node and all others know each other; until it finalises what they do."""
        begin_s = time.monotonic()
        back_s: float | None = None
        level_s: float | None = None
        while (passed_s := time.monotonic() - begin_s) < LEVEL_S_MAX and (back_s is None or level_s is None):
            seen = self.fleet.statuses()
            own = seen.get(self.sleeper.name)
            head = max(seen[name].finalized_height for name in self.others if name in seen)
            if level_s is None and own is not None and own.finalized_height >= head - LEVEL_BLOCKS:
                level_s = passed_s
            everybody = all(self.sleeper.peer_id in self._peers(name) for name in self.others)
            if back_s is None and everybody and len(self._peers(self.sleeper.name)) >= len(self.others):
                back_s = passed_s
            time.sleep(POLL_S)
        return back_s, level_s

    def _judge(self, seconds: float, blocks: int, back_s: float | None, level_s: float | None) -> None:
        if blocks < seconds * 1000 / self._slot_ms / 4:
            self.findings.wrong.append(f"the others finalised only {blocks} blocks in {seconds:g} s")
        if back_s is None or back_s > BACK_S_MAX:
            self.findings.wrong.append(f"connected to all after {_shown(back_s)} s, {BACK_S_MAX:g} are allowed")
        if level_s is None:
            self.findings.wrong.append(f"not level within {LEVEL_S_MAX:g} s")

    def _peers(self, name: str) -> list[str]:
        with suppress(NodeError), SyncClient(self.fleet.members[name].config.home) as client:
            return [each.peer_id for each in client.call(PeersRequest())]
        return []


def _shown(number: float | None) -> str:
    return "more than were watched" if number is None else f"{number:.1f}"


def main() -> int:
    """Run and report; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description="Freeze one node of a network and wake it.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--authorities", type=int, default=4)
    parser.add_argument("--slot-ms", type=int, default=1000)
    parser.add_argument("--keep", type=Path, help="a new folder for the homes, which stays; a temporary one otherwise")
    parser.add_argument(
        "--json", action="store_true", help="print the outcome as JSON; progress goes to standard error"
    )
    arguments = parser.parse_args()
    said_to = sys.stderr if arguments.json else sys.stdout
    with ExitStack() as stack:
        folder = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sleeper = Sleeper(folder, arguments.authorities, arguments.slot_ms)
        outcome = trio.run(sleeper.run, arguments.seconds, lambda line: print(line, file=said_to, flush=True))
    print(msgspec.json.format(msgspec.json.encode(outcome), indent=1).decode() if arguments.json else outcome.text())
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
