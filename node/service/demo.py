"""The main job from end to end, headless: a network of processes, real questions, a cheat, a crash, and the proof.

Every check is made on what the running nodes answer; one that fails ends the demo with its sentence and exit code 1,
and the homes are left for looking at. Reads nodes through the control API and users' questions through HTTP alone.
"""

import json
import os
import shutil
import signal
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar

from node.control import launcher
from node.control.api import MetagraphRequest
from node.control.client_sync import SyncClient
from node.control.options import DEFAULT_MODEL, DevnetNode, DevnetOptions, DevnetStatus, Progress, ProgressSink
from node.control.schema import Metagraph, Neuron, NodeStatus
from node.primitives.errors import ServiceError
from node.service import devnet
from node.service.demo_market import PICTURE, SUBNETS, WORD, RequestFailed, give_data, outline, recount, search
from node.service.founding import TEXT_NETUID
from node.service.model_store import ChosenModel, shared_model_store

QUESTIONS: Final = (
    "Why is the sky blue? Answer in two sentences.",
    "Name three fruits and the colour of each.",
    "What does a validator do in a peer-to-peer network?",
)
EPOCHS: Final = 3
CHEAT_SHARE_MAX_PERCENT: Final = 10  # of an honest miner's incentive
_SLOT_MS: Final = 1000
_TEMPO: Final = 12
_TOKENS_MAX: Final = 60
_PREVIEW_CHARS: Final = 100
_HTTP_TIMEOUT_S: Final = 60.0
_PATIENCE_S: Final = 180.0
_POLL_S: Final = 0.5
_BLOCKS_WITHOUT: Final = 3  # blocks that must become final while a miner is dead

Say = Callable[[str], None]
T = TypeVar("T")


class DemoFailed(ServiceError):
    """Something that the demo promises did not hold; the message says what."""

    code = "demo_failed"


@dataclass(slots=True)
class Answered:
    """One question and what came back."""

    question: str
    text: str
    miner: str
    tokens: int
    first_s: float
    total_s: float


@dataclass(slots=True)
class MinerRow:
    """One miner's line of the closing table."""

    name: str
    uid: int
    cheat: str
    incentive_percent: float
    earned_alpha: int


@dataclass(slots=True)
class DemoReport:
    """What was seen, for --json and the closing page."""

    answers: list[Answered] = field(default_factory=list)
    miners: list[MinerRow] = field(default_factory=list)
    outlines: list[str] = field(default_factory=list)
    rows: int = 0
    recounted: int = 0
    height: int = 0
    state_root: str = ""
    nodes: int = 0
    seconds: float = 0.0


def run(say: Say, progress: ProgressSink, *, keep: Path | None = None, model: str = DEFAULT_MODEL) -> DemoReport:
    """Run the whole demo; raises DemoFailed (or what the node raises) when a promise does not hold."""
    begun = time.monotonic()
    home = keep or Path(tempfile.mkdtemp(prefix="neurond-demo-"))
    demo = Demo(home / "net", say, progress, model)
    try:
        report = demo.run()
    except BaseException:
        say(f"the homes of all nodes are left in {home}; each has a daemon.log")
        raise
    finally:
        demo.stop()
    if keep is None:
        shutil.rmtree(home)
    report.seconds = time.monotonic() - begun
    return report


class Demo:
    """The steps of one run over one devnet."""

    def __init__(self, home: Path, say: Say, progress: ProgressSink, model: str) -> None:
        self._home = home
        self._model = model
        self._say = say
        self._progress = progress
        self._report = DemoReport()

    def run(self) -> DemoReport:
        """Take every step in order."""
        net = self._found()
        first_epoch = self._height(net)
        for question in QUESTIONS:
            self._ask(net, question)
        self._run_chute(net)
        self._find_data(net)
        self._wait_for_epochs(net, first_epoch)
        self._judge_cheat(net)
        self._pay_everywhere(net)
        self._recount(net)
        self._compare_states(net)
        self._crash(net)
        return self._report

    def stop(self) -> None:
        """Stop every node that still runs."""
        if (self._home / devnet.FILE).exists():
            self._say("stopping all nodes")
            devnet.down(self._home, self._progress)

    # --- steps ------------------------------------------------------------------------------------------------------

    def _found(self) -> DevnetStatus:
        options = DevnetOptions(
            self._home, slot_ms=_SLOT_MS, tempo=_TEMPO, cheaters=("altered",), model=self._model, subnets=SUBNETS
        )
        self._say("starting 4 nodes (2 authorities that validate, 2 miners) in three subnets, and 1 cheating miner")
        net = devnet.up(options, self._progress)
        files = give_data(net.nodes, self._home / "texts")
        self._say(f"subnets: {', '.join(SUBNETS)}; miners collect {files} texts of this machine")
        self._report.nodes = len(net.nodes)
        self._say(f"network {net.network}, genesis {net.genesis_hash[:16]}…, {len(net.nodes)} processes")
        return net

    def _ask(self, net: DevnetStatus, question: str) -> None:
        answered = ask_http(net.nodes[0], question)
        check(bool(answered.text.strip()) and answered.tokens > 0, f"{question!r} got an empty answer")
        self._report.answers.append(answered)
        self._say(f"? {question}")
        self._say(f"! {' '.join(answered.text.split())}")
        pace = answered.tokens / max(answered.total_s, 1e-9)
        who = answered.miner[:8]
        self._say(
            f"  {answered.tokens} tokens from miner {who}…, first after {answered.first_s:.2f} s, {pace:.0f} tokens/s"
        )

    def _run_chute(self, net: DevnetStatus) -> None:
        made = outline(net.nodes[0])
        self._report.outlines = list(made.lines)
        check(any(line.strip() for line in made.lines), f"the chute {made.chute} found no outline")
        self._say(f"chute {made.chute}: a square of {len(PICTURE[0])}x{len(PICTURE)} pixels, and its outlines")
        for given, got in zip(PICTURE, made.lines, strict=False):
            self._say(f"  {given}   {got}")

    def _find_data(self, net: DevnetStatus) -> None:
        found = self._until(lambda: self._search(net), bool, f"miners find a row with {WORD!r}")
        self._report.rows = len(found)
        self._say(f"data: miners found {len(found)} rows with {WORD!r}; the first begins")
        self._say(f"  {' '.join(found[0].split())[:_PREVIEW_CHARS]}…")

    def _search(self, net: DevnetStatus) -> tuple[str, ...]:
        try:
            return search(net.nodes[0])
        except RequestFailed:  # while miners are still collecting
            return ()

    def _pay_everywhere(self, net: DevnetStatus) -> None:
        for netuid, name in enumerate(SUBNETS, int(TEXT_NETUID)):
            paid = self._until(
                lambda netuid=netuid: [row for row in miner_rows(net, netuid) if not row.cheat],  # type: ignore[misc]
                lambda rows: bool(rows) and all(row.earned_alpha > 0 for row in rows),
                f"every honest miner earns in {name}",
            )
            earned = ", ".join(f"{row.name} {row.earned_alpha / 1e9:.4f} α" for row in paid)
            self._say(f"subnet {netuid} {name}: {earned}")

    def _recount(self, net: DevnetStatus) -> None:
        """Anybody can recount what a validator set: here a miner does, in each subnet."""
        for netuid, name in enumerate(SUBNETS, int(TEXT_NETUID)):
            found = self._until(
                lambda netuid=netuid: recount(net.nodes[2], netuid),  # type: ignore[misc]
                lambda report: report.outcome == "agrees",
                f"a validator's weights in {name} follow from its record",
            )
            self._report.recounted += 1
            self._say(f"subnet {netuid} {name}: the weights of epoch {found.epoch} follow from its {found.lines} lines")

    def _wait_for_epochs(self, net: DevnetStatus, since: int) -> None:
        blocks = EPOCHS * (_TEMPO + 1) + 1

        def show(height: int) -> None:
            self._progress(Progress("epochs", f"waiting for {EPOCHS} epochs", height - since, blocks, "blocks"))

        self._until(lambda: self._height(net), lambda now: now >= since + blocks, "the epochs have passed", show)

    def _judge_cheat(self, net: DevnetStatus) -> None:
        rows = miner_rows(net)
        self._report.miners = rows
        self._say("miner            uid  incentive  earned")
        for row in rows:
            self._say(f"{row.name:<16} {row.uid:>3}  {row.incentive_percent:>7.2f} %  {row.earned_alpha / 1e9:.4f} α")
        honest = [row for row in rows if not row.cheat]
        cheats = [row for row in rows if row.cheat]
        check(len(honest) == 2 and len(cheats) == 1, "not every miner has a seat")
        check(
            all(row.incentive_percent > 0 and row.earned_alpha > 0 for row in honest), "an honest miner earned nothing"
        )
        weakest = min(row.incentive_percent for row in honest)
        for row in cheats:
            share = 100 * row.incentive_percent / weakest
            check(share < CHEAT_SHARE_MAX_PERCENT, f"the cheat has {share:.1f} % of an honest miner's incentive")
            self._say(f"the cheat has {share:.1f} % of an honest miner's incentive")

    def _compare_states(self, net: DevnetStatus) -> None:
        def level(seen: list[NodeStatus]) -> bool:
            return len(seen) == len(net.nodes) and len({each.finalized_height for each in seen}) == 1

        found = self._until(lambda: statuses_of(net), level, "all nodes show one finalised height")
        check(len({each.finalized_hash for each in found}) == 1, "two nodes finalised different blocks")
        check(len({each.state_root for each in found}) == 1, "two nodes hold different states")
        self._report.height, self._report.state_root = found[0].finalized_height, found[0].state_root
        self._say(f"finalised height {self._report.height}, state root {self._report.state_root[:16]}… on all nodes")

    def _crash(self, net: DevnetStatus) -> None:
        victim = net.nodes[2]
        check(victim.pid is not None, f"{victim.name} does not run")
        self._say(f"killing {victim.name} (process {victim.pid}) with SIGKILL")
        os.kill(victim.pid or 0, signal.SIGKILL)
        before = self._final(net)
        self._until(lambda: self._final(net), lambda now: now >= before + _BLOCKS_WITHOUT, "the chain goes on")
        self._ask(net, "Say hello in French.")
        target = self._final(net)
        self._say(f"{target - before} blocks became final without it; starting it again")
        founded = devnet.open_devnet(self._home)
        config = devnet.node_config(founded, founded.file.nodes[2], shared_model_store())
        launcher.start(replace(config, role=None), self._progress)

        def is_back(seen: NodeStatus | None) -> bool:
            return seen is not None and seen.role == "miner" and seen.peers > 0 and seen.finalized_height >= target

        self._until(lambda: devnet.ask_status(Path(victim.home)), is_back, f"{victim.name} has returned")
        self._say(f"{victim.name} is back as a miner, with every block up to {target}")

    # --- looking ----------------------------------------------------------------------------------------------------

    def _height(self, net: DevnetStatus) -> int:
        return status_of(net.nodes[0]).height

    def _final(self, net: DevnetStatus) -> int:
        return status_of(net.nodes[0]).finalized_height

    def _until(
        self,
        look: Callable[[], T],
        enough: Callable[[T], bool],
        what: str,
        show: Callable[[T], None] = lambda seen: None,
    ) -> T:
        """Look again and again until it is enough, and return what was seen. Raises DemoFailed when patience ends."""
        give_up_s = time.monotonic() + _PATIENCE_S
        while True:
            seen = look()
            show(seen)
            if enough(seen):
                return seen
            check(time.monotonic() < give_up_s, f"after {_PATIENCE_S:.0f} s it still does not hold that {what}")
            time.sleep(_POLL_S)


def check(condition: bool, sentence: str) -> None:
    """Raise DemoFailed unless the promise holds."""
    if not condition:
        raise DemoFailed(f"The demo failed: {sentence}.")


def status_of(node: DevnetNode) -> NodeStatus:
    """Return a node's status. Raises DemoFailed when it does not answer."""
    seen = devnet.ask_status(Path(node.home))
    if seen is None:
        raise DemoFailed(f"The demo failed: {node.name} does not answer.")
    return seen


def statuses_of(net: DevnetStatus) -> list[NodeStatus]:
    """Return the status of every node that answers, as close together as one process can ask."""
    seen = [devnet.ask_status(Path(node.home)) for node in net.nodes]
    return [each for each in seen if each is not None]


def miner_rows(net: DevnetStatus, netuid: int = int(TEXT_NETUID)) -> list[MinerRow]:
    """Return each miner's incentive and what its hotkey holds, as the first node's chain has it."""
    with SyncClient(Path(net.nodes[0].home)) as client:
        graph: Metagraph = client.call(MetagraphRequest(netuid))
    by_hotkey: dict[str, Neuron] = {row.hotkey: row for row in graph.neurons}
    rows = []
    for node in net.nodes:
        status = status_of(node)
        row = by_hotkey.get(status.hotkey or "")
        if row is not None and status.role == "miner":
            percent = 100 * row.incentive_u16 / 65_535
            rows.append(MinerRow(node.name, row.uid, node.cheat or "", percent, row.stake_alpha))
    return rows


def ask_http(node: DevnetNode, question: str) -> Answered:
    """Put a question to a node's gateway as any program would, streamed. Raises DemoFailed."""
    body = {
        "model": ChosenModel.of(devnet.open_devnet(Path(node.home).parent).file.model).name,
        "messages": [{"role": "user", "content": question}],
        "max_tokens": _TOKENS_MAX,
        "temperature": 0.3,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    request = urllib.request.Request(
        f"{node.gateway_url}/chat/completions",
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    begun, first_s = time.monotonic(), 0.0
    pieces: list[str] = []
    miner, tokens = "", 0
    with urllib.request.urlopen(request, timeout=_HTTP_TIMEOUT_S) as reply:
        for raw in reply:
            line = raw.decode().strip()
            if not line.startswith("data: ") or line == "data: [DONE]":
                continue
            chunk = json.loads(line.removeprefix("data: "))
            check("error" not in chunk, f"the gateway says {chunk.get('error')}")
            for choice in chunk["choices"]:
                piece = choice["delta"].get("content", "")
                first_s = first_s or (time.monotonic() - begun if piece else 0.0)
                pieces.append(piece)
            miner = chunk.get("neurond", {}).get("miner", miner)
            tokens = (chunk.get("usage") or {}).get("completion_tokens", tokens)
    return Answered(question, "".join(pieces), miner, tokens, first_s, time.monotonic() - begun)
