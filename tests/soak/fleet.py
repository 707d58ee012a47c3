"""Real daemons for long tests: each a process of its own that can be killed, frozen and put on a machine of a lab.

What every node calls final is compared with what all others ever called final, over all restarts; `chains_agree` reads
the stores at the end. Must never end a process that it did not start.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.control import launcher
from node.control.options import DaemonConfig
from node.control.paths import log_path
from node.control.schema import NodeStatus
from node.service import devnet
from storage import ChainStore
from tests.crash.node_kills import DOUBLE_SIGNED, Findings, check_left

START_S_MAX: Final = 90.0
"""A start takes two seconds of CPU; on a busy machine with eight of them at once, half a minute."""
STOP_S_MAX: Final = 15.0
POLL_S: Final = 0.1
HASHES_AT_ONCE: Final = 512

Wrap = Callable[[list[str]], list[str]]
"""Turns the words of a command into those that run it somewhere else."""


@dataclass(slots=True)
class Member:
    """One node of a fleet. `final` is the newest (height, hash) it has called final."""

    name: str
    config: DaemonConfig
    wrap: Wrap
    process: "subprocess.Popen[bytes] | None" = None
    started_s: float = 0.0
    frozen: bool = False
    final: tuple[int, str] = (0, "")

    @property
    def pid(self) -> int | None:
        """The process while it should run."""
        return None if self.process is None else self.process.pid


class Fleet:
    """Daemons by name. Everything blocks; from an event loop call it in a worker thread."""

    def __init__(self, configs: Sequence[DaemonConfig], findings: Findings, wraps: Mapping[str, Wrap] | None = None):
        self.findings = findings
        self.members = {
            each.home.name: Member(each.home.name, each, (wraps or {}).get(each.home.name, list)) for each in configs
        }

    def spawn(self, name: str) -> None:
        """Start a node's process and return at once."""
        member = self.members[name]
        words = [*launcher.neurond_command(), *launcher.daemon_arguments(member.config)]
        with log_path(member.config.home).open("ab") as output:
            member.process = subprocess.Popen(
                member.wrap(words), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        member.started_s = time.monotonic()
        member.frozen = False

    def wait(self, name: str) -> NodeStatus | None:
        """Wait until a node answers; None, and a finding, when it ended or does not within `START_S_MAX`."""
        member = self.members[name]
        while time.monotonic() - member.started_s < START_S_MAX:
            if (seen := self.status(name)) is not None:
                return seen
            if member.process is None or member.process.poll() is not None:
                break
            time.sleep(POLL_S)
        self.findings.wrong.append(f"{name} did not start")
        return None

    def status(self, name: str) -> NodeStatus | None:
        """Ask a node; what it calls final is compared with all that was ever called so. None: no answer."""
        member = self.members[name]
        if member.process is None or member.frozen:
            return None
        seen = devnet.ask_status(member.config.home)
        if seen is None:
            return None
        if seen.finalized_height < member.final[0]:
            self.findings.wrong.append(f"{name} went back from final height {member.final[0]}")
        member.final = (seen.finalized_height, seen.finalized_hash)
        self.findings.note_final(name, *member.final)
        return seen

    def statuses(self) -> dict[str, NodeStatus]:
        """Ask all nodes; those that do not answer are left out."""
        found = {name: self.status(name) for name in self.members}
        return {name: seen for name, seen in found.items() if seen is not None}

    def note_ended(self) -> list[str]:
        """Name the nodes whose process ended by itself; each is a finding, and is started no more."""
        ended = []
        for member in self.members.values():
            code = None if member.process is None else member.process.poll()
            if code is not None:
                self.findings.wrong.append(f"{member.name} ended by itself ({_how(code)})")
                member.process = None
                ended.append(member.name)
        return ended

    def kill(self, name: str) -> None:
        """End a node with signal 9."""
        process = self._process(name)
        process.kill()
        process.wait()
        self.members[name].process = None

    def check_left(self, name: str, scratch: Path) -> None:
        """Look at what a killed node left: every block it called final, and rows that fit the final header."""
        member = self.members[name]
        if member.final[0]:
            self.findings.wrong += [f"{name}: {each}" for each in check_left(member.config.home, scratch, member.final)]

    def freeze(self, name: str) -> None:
        """Stop a node's process as a machine that falls asleep does."""
        self.members[name].frozen = True
        os.kill(self._process(name).pid, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let it go on."""
        os.kill(self._process(name).pid, signal.SIGCONT)
        self.members[name].frozen = False

    def stop(self) -> None:
        """End all nodes in order; what does not end, or ended before, is a finding."""
        self.note_ended()
        running = [member for member in self.members.values() if member.process is not None]
        for member in running:
            with suppress(ProcessLookupError):
                os.kill(self._process(member.name).pid, signal.SIGCONT)
                os.kill(self._process(member.name).pid, signal.SIGTERM)
        give_up_s = time.monotonic() + STOP_S_MAX
        for member in running:
            process = self._process(member.name)
            try:
                process.wait(max(0.1, give_up_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.findings.wrong.append(f"{member.name} did not end within {STOP_S_MAX:g} s")
                process.kill()
                process.wait()
            member.process = None

    def read_logs(self) -> None:
        """Look for what no node may say: a failed task of its host, an error with a trace, or a second signature."""
        for member in self.members.values():
            log = log_path(member.config.home).read_text(errors="replace")
            self.findings.wrong += [f"{member.name}: {line}" for line in log.splitlines() if _is_bad(line)]

    def chains_agree(self) -> int:
        """Compare the stores of stopped nodes height by height, and with what was called final; returns the height."""
        chains = {member.name: list(stored_hashes(member.config.home)) for member in self.members.values()}
        self.findings.wrong += list(disagreements(chains, self.findings.final))
        return min(map(len, chains.values())) - 1

    def _process(self, name: str) -> "subprocess.Popen[bytes]":
        process = self.members[name].process
        if process is None:
            raise LookupError(f"{name} does not run")
        return process


def stored_hashes(home: Path) -> Iterator[str]:
    """The hashes of all finalised blocks in a store, from the genesis block on."""
    with ChainStore.open_to_read(home / "chain.db") as store:
        tip = store.tip()
        for height in range(0 if tip is None else tip.height + 1):
            found = store.hash_at(height)
            yield "" if found is None else found.hex()


def disagreements(chains: Mapping[str, Sequence[str]], called_final: Mapping[int, str]) -> Iterator[str]:
    """What is wrong with finalised chains (hashes by height from 0) next to each other and to what was called final."""
    for height in range(max(map(len, chains.values()), default=0)):
        held = {name: hashes[height] for name, hashes in chains.items() if height < len(hashes)}
        missing = sorted(name for name, block_hash in held.items() if not block_hash)
        if missing:
            yield f"height {height} is missing at {', '.join(missing)}"
        if len(set(held.values()) - {""}) > 1:
            yield f"two final blocks at height {height}: {held}"
    for height, block_hash in sorted(called_final.items()):
        for name, hashes in chains.items():
            if height < len(hashes) and hashes[height] not in ("", block_hash):
                yield f"{name} holds another block at height {height} than was called final"
    longest = max(map(len, chains.values()), default=0)
    lost = [height for height in called_final if height >= longest]
    if lost:
        yield f"lost: height {max(lost)} was called final, no store has it"


def _how(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}, {signal.strsignal(-code)}"


def _is_bad(line: str) -> bool:
    return DOUBLE_SIGNED in line or "Traceback" in line or "task of the network host failed" in line
