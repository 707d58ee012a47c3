"""Real daemons that find each other: how soon a new node has the head, eight nodes are meshed, a dead one is missed.

    bench_join.py [--only join|mesh] [--turns N] [--nodes N]

Join: `neurond join INVITE` with an empty home, from the start of the command until the new node has a peer and the head
of the network; `N` turns, each with a home of its own. Mesh: all nodes of a devnet are started at the same moment and
know the first two; then one is killed with signal 9 and started again. "Up" is when a node's own status says so: before
it there is Python to start, which is CPU alone. Wall-clock figures, beside the load of the machine and the CPU seconds
of the daemons, which tell what an idle machine would need.
"""

import argparse
import os
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from benchmarks.devnet import founded
from benchmarks.measure import at_most, show, title
from node.control import launcher
from node.control.api import InviteRequest, PeersRequest, StatusRequest
from node.control.client_sync import SyncClient
from node.control.errors import RemoteError
from node.control.options import DaemonConfig
from node.control.schema import NodeStatus
from node.primitives.errors import ControlError
from node.service import devnet

SLOT_MS = 1000
HISTORY_BLOCKS = 20
TURNS = 3
NODES = 8
POLL_S = 0.02
GIVE_UP_S = 180.0
JOIN_S_MAX = 5.0
MESH_S_MAX = 5.0
NOTICED_S_MAX = 1.0
BACK_S_MAX = 2.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass
class Daemon:
    """One node's process, started without waiting for it."""

    config: DaemonConfig
    process: "subprocess.Popen[bytes]"

    @classmethod
    def start(cls, config: DaemonConfig) -> "Daemon":
        """Start the process."""
        config.home.mkdir(exist_ok=True)
        with (config.home / "daemon.log").open("ab") as log:
            arguments = [*launcher.neurond_command(), *launcher.daemon_arguments(config)]
            return cls(config, subprocess.Popen(arguments, stdout=log, stderr=log, start_new_session=True))

    def status(self) -> NodeStatus | None:
        """Its status, None while it does not answer."""
        try:
            with SyncClient(self.config.home) as client:
                return client.call(StatusRequest())
        except (ControlError, RemoteError):
            return None

    def peers(self) -> set[str]:
        """The ids of its peers; none while it does not answer."""
        try:
            with SyncClient(self.config.home) as client:
                return {peer.peer_id for peer in client.call(PeersRequest())}
        except (ControlError, RemoteError):
            return set()

    def cpu_s(self) -> float:
        """CPU seconds so far."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / _TICKS_PER_S

    def kill(self) -> None:
        """End it without a word to anybody."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def daemons(folder: Path, count: int) -> Iterator[tuple[list[Daemon], list[str]]]:
    """Start `count` nodes at the same moment, two of them authorities; yields them and their peer ids."""
    net, _, _ = founded(folder, authorities=2, slot_ms=SLOT_MS, people=1, followers=count - 2)
    configs = [
        replace(devnet.node_config(net, entry, folder), role="staker", gateway_port=None, mdns=False)
        for entry in net.file.nodes
    ]
    started = [Daemon.start(config) for config in configs]
    try:
        yield started, [entry.peer_id for entry in net.file.nodes]
    finally:
        for each in started:
            each.process.terminate()
        for each in started:
            each.process.wait(60)


def when(what: Callable[[], bool]) -> float:
    """Wait until something holds; returns the moment on the monotonic clock."""
    give_up_s = time.monotonic() + GIVE_UP_S
    while not what():
        if time.monotonic() > give_up_s:
            raise RuntimeError("a benchmark waited in vain")
        time.sleep(POLL_S)
    return time.monotonic()


def joins(turns: int) -> None:
    """Join a network of two authorities again and again."""
    with tempfile.TemporaryDirectory() as name, daemons(Path(name), 2) as (nodes, _):
        when(lambda: all((seen := each.status()) is not None and seen.height >= HISTORY_BLOCKS for each in nodes))
        with SyncClient(nodes[0].config.home) as client:
            invite = client.call(InviteRequest()).text
        walls, cpus, commands = list[float](), list[float](), list[float]()
        for turn in range(turns):
            home = Path(name) / f"joined-{turn}"
            before_s = children_cpu_s()
            wall_s, cpu_s = join_once(invite, home, nodes[0])
            walls.append(wall_s)
            cpus.append(cpu_s)
            commands.append(children_cpu_s() - before_s)
            launcher.stop(home, lambda step: None, drain=False)
    show(
        "from `neurond join` to the head of the network, median",
        f"{median(walls):.2f} s",
        at_most(median(walls), JOIN_S_MAX, " s"),
    )
    show("best; worst", f"{min(walls):.2f}; {max(walls):.2f} s")
    show("CPU of the new daemon until then; of the command, median", f"{median(cpus):.2f}; {median(commands):.2f} s")


def children_cpu_s() -> float:
    """CPU seconds of the commands that have ended so far; daemons are not among them."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def join_once(invite: str, home: Path, first: Daemon) -> tuple[float, float]:
    """Wall and CPU seconds until a new node has the head that `first` has."""
    options = ["--listen", "/ip4/127.0.0.1/tcp/0", "--gateway-port", "none", "--no-mdns"]
    begin_s = time.monotonic()
    command = subprocess.Popen(
        [*launcher.neurond_command(), "join", invite, "--home", os.fspath(home), *options],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    joined = Daemon(DaemonConfig(home), command)

    def level() -> bool:
        seen = joined.status()
        if seen is None or not seen.peers or seen.sync.syncing or seen.height < HISTORY_BLOCKS:
            return False
        head = first.status()
        return head is not None and seen.height >= head.height - 1  # the newest block may be on its way

    end_s = when(level)
    hello = launcher.find(home)
    command.wait(60)
    words = Path(f"/proc/{0 if hello is None else hello.pid}/stat").read_text().rpartition(")")[2].split()
    return end_s - begin_s, (int(words[11]) + int(words[12])) / _TICKS_PER_S


def mesh(count: int) -> None:
    """Start all nodes at once, wait for everybody to know everybody, kill one, bring it back."""
    with tempfile.TemporaryDirectory() as name:
        begin_s = time.monotonic()
        with daemons(Path(name), count) as (nodes, ids):
            founded_s = time.monotonic() - begin_s
            up_s = when(lambda: all(each.status() is not None for each in nodes))
            meshed_s = when(lambda: all(len(each.peers()) == count - 1 for each in nodes))
            cpu_s = sum(each.cpu_s() for each in nodes)
            show(f"{count} nodes: from the start of all until all are up", f"{up_s - begin_s - founded_s:.2f} s")
            show(
                "from there until everybody is connected to everybody",
                f"{meshed_s - up_s:.2f} s",
                at_most(meshed_s - up_s, MESH_S_MAX, " s"),
            )
            show("CPU of all daemons until then", f"{cpu_s:.1f} s", f"{cpu_s / count:.2f} s a node")
            time.sleep(2)
            lose_and_find(nodes, ids)


def lose_and_find(nodes: list[Daemon], ids: list[str]) -> None:
    """Kill the last node, time how soon the others miss it, and how soon it is among them again."""
    victim, peer_id, others = nodes[-1], ids[-1], nodes[:-1]
    killed_s = time.monotonic()
    victim.kill()
    noticed_s = when(lambda: all(peer_id not in each.peers() for each in others))
    show(
        "killed with signal 9: missed by all others after",
        f"{noticed_s - killed_s:.2f} s",
        at_most(noticed_s - killed_s, NOTICED_S_MAX, " s"),
    )
    time.sleep(3)
    start_s = time.monotonic()
    nodes[-1] = back = Daemon.start(victim.config)
    up_s = when(lambda: back.status() is not None)
    meshed_s = when(lambda: len(back.peers()) == len(others) and all(peer_id in each.peers() for each in others))
    show("started again: until it is up", f"{up_s - start_s:.2f} s", f"{back.cpu_s():.2f} s of its CPU")
    show(
        "from there until it is connected to all",
        f"{max(0.0, meshed_s - up_s):.2f} s",
        at_most(meshed_s - up_s, BACK_S_MAX, " s"),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("join", "mesh"))
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--nodes", type=int, default=NODES)
    chosen = parser.parse_args(arguments)
    title("Real daemons find each other")
    if chosen.only != "mesh":
        joins(chosen.turns)
    if chosen.only != "join":
        mesh(chosen.nodes)
    title("After it")


if __name__ == "__main__":
    main()
