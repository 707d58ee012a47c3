"""Victims and their honest neighbours: processes, started for the attacks and looked at from outside."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from node.control import launcher
from node.control.options import DevnetOptions
from node.service import devnet
from tests.attacks import victim_ours, victim_stock
from tests.attacks.book import Side
from tests.attacks.wire import Target

READY_S = 60.0
NEVER_ATTACKED = ("/attacks/raises/1", "/attacks/deaf/1")
_EVENT = re.compile(r'^neurond_(?:p2p_events_total\{event="([^"]+)"\}|(p2p_bans|loop_tasks)) (\S+)$')


@dataclass
class Victim:
    """A process under attack; `topics` are those of blocks, finality and transactions, and last one with a bug."""

    side: Side
    process: "subprocess.Popen[bytes]"
    target: Target
    log: Path
    topics: tuple[str, ...]
    protocols: tuple[str, ...] = ()
    genesis_hash: bytes = b""
    gateway: str = ""
    home: Path = field(default_factory=Path)

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def usage(self) -> "Usage":
        """What it holds now; raises psutil.Error when it is gone."""
        process = psutil.Process(self.process.pid)
        counters = self.counters()
        tasks = counters.get("loop_tasks", 0)
        return Usage(process.memory_info().rss >> 20, process.num_fds(), process.num_threads(), tasks)

    def counters(self) -> dict[str, int]:
        """What ours has counted, and how many peers it bans; stock counts nothing."""
        if not self.gateway:
            return {}
        for _ in range(20):
            try:
                with urllib.request.urlopen(f"{self.gateway}/metrics", timeout=10) as reply:
                    text = reply.read().decode()
                break
            except (OSError, urllib.error.URLError):
                if not self.is_alive:
                    return {}
                time.sleep(0.2)
        else:
            return {}
        found = (_EVENT.match(line) for line in text.splitlines())
        return {each[1] or each[2]: int(float(each[3])) for each in found if each}

    def last_words(self) -> str:
        """The error with which it died."""
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        errors = [line.lstrip("| +-") for line in lines if re.search(r"\b\w*(Error|Exception|EOF)\b.*", line)]
        kinds = [line.split(":")[0].rsplit(".", 1)[-1] for line in errors if not line.startswith("ExceptionGroup")]
        return (kinds or ["no reason given"])[-1][:60]


@dataclass(frozen=True)
class Usage:
    """Memory in MiB, file descriptors, threads, tasks of the event loop (0: not told)."""

    rss: int
    fds: int
    threads: int
    tasks: int


def spawn(module: str, arguments: list[str], log: Path, stdout: object = subprocess.PIPE) -> "subprocess.Popen[bytes]":
    with log.open("wb") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments], stdout=stdout, stderr=errors, stdin=subprocess.DEVNULL,
            cwd=Path(__file__).parents[2], start_new_session=True,
        )  # fmt: skip


def end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def stock_victim(folder: Path) -> Iterator[Victim]:
    """Stock libp2p, fresh."""
    folder.mkdir(parents=True, exist_ok=True)
    process = spawn(victim_stock.__name__, [], folder / "stock.log")
    try:
        if process.stdout is None:
            raise RuntimeError("no output of the victim")
        said = json.loads(process.stdout.readline())
        target = Target("127.0.0.1", said["port"], said["peer_id"], "/attacks/echo/1", victim_stock.TOPIC)
        topics = (victim_stock.TOPIC,) * 3 + (victim_stock.RAISES,)
        yield Victim("stock", process, target, folder / "stock.log", topics, ("/attacks/echo/1",))
    finally:
        end(process)


@contextmanager
def our_victim(folder: Path, model: str) -> Iterator[Victim]:
    """A daemon that is the one authority of a network of its own, validates, and produces two blocks a second."""
    options = DevnetOptions(folder / "net", nodes=1, authorities=1, slot_ms=500, tempo=12, model=model)
    founded = devnet.found(options, lambda step: None)
    entry = founded.file.nodes[0]
    config = devnet.node_config(founded, entry, folder / "models")
    process = spawn(
        victim_ours.__name__, launcher.daemon_arguments(config), folder / "ours.log", subprocess.DEVNULL
    )  # fmt: skip
    try:
        until_s = time.monotonic() + READY_S
        seen = None
        while seen is None or seen.finalized_height < 2 or seen.role != "validator":
            if time.monotonic() > until_s or process.poll() is not None:
                raise RuntimeError((folder / "ours.log").read_text()[-2000:])
            time.sleep(0.2)
            seen = devnet.ask_status(config.home)
        prefix = f"/neurond/{founded.file.genesis_hash[:16]}"
        topics = (*(f"{prefix}/{name}/1" for name in ("blocks", "finality", "transactions")), victim_ours.TOPIC)
        target = Target("127.0.0.1", entry.port, entry.peer_id, "/neurond/sync/1", topics[0])
        url = urlsplit(seen.gateway_url or "")
        victim = Victim(
            "ours", process, target, folder / "ours.log", topics, genesis_hash=bytes.fromhex(founded.file.genesis_hash),
            gateway=f"{url.scheme}://{url.netloc}", home=config.home,
        )  # fmt: skip
        yield victim
    finally:
        end(process)


@dataclass
class Honest:
    """An honest neighbour at work."""

    process: "subprocess.Popen[bytes]"
    diary: Path

    def noted(self, since_s: float, until_s: float) -> "Service":
        """How it was served between two moments of the monotonic clock."""
        lines = [json.loads(line) for line in self.diary.read_text().splitlines() if line.endswith("}")]
        within = [each for each in lines if since_s <= each["at_s"] <= until_s]
        asked = [each for each in within if each["kind"] == "request"]
        heard = [each["at_s"] for each in within if each["kind"] == "gossip"]
        edges = [since_s, *heard, until_s]
        silence_s = max(after - before for before, after in pairwise(edges))
        return Service(
            served=sum(not each["problem"] for each in asked),
            failed=sum(bool(each["problem"]) for each in asked),
            worst_ms=max((each["ms"] for each in asked if not each["problem"]), default=0.0),
            silence_s=silence_s if heard else 0.0,
            heard=len(heard),
        )


@dataclass(frozen=True)
class Service:
    """Requests answered and not, the slowest answer, and the longest time without block gossip."""

    served: int
    failed: int
    worst_ms: float
    silence_s: float
    heard: int


@contextmanager
def honest_neighbour(victim: Victim, folder: Path) -> Iterator[Honest]:
    """Runs until the block ends; returns once it has been served."""
    folder.mkdir(parents=True, exist_ok=True)
    diary = folder / "diary"
    with diary.open("wb") as output:
        arguments = [victim.side, victim.target.address, victim.target.topic, os.fspath(folder)]
        process = spawn("tests.attacks.honest", arguments, folder / "honest.log", output)
    honest = Honest(process, diary)
    try:
        began_s = time.monotonic()
        while honest.noted(began_s, time.monotonic()).served < 2:
            if time.monotonic() > began_s + READY_S or process.poll() is not None:
                raise RuntimeError(f"the honest peer is not served: {(folder / 'honest.log').read_text()[-1000:]}")
            time.sleep(0.1)
        yield honest
    finally:
        end(process)
