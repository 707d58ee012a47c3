"""All that the screens show, in one plain object: events and answers go in, a version per part comes out.

It never touches a widget and never waits. Everything it holds is bounded.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from node.control.events import AnyEvent, GapEvent, Heartbeat, JobEvent, LogEvent, StatusEvent, TasksEvent
from node.control.schema import (
    Account,
    Earnings,
    Hello,
    Job,
    LogLine,
    Metagraph,
    ModelInfo,
    NodeStatus,
    PeerInfo,
    ProposalView,
    SubnetInfo,
    Task,
    TaskState,
)
from tui.limits import (
    JOBS_MAX,
    LOG_LINES_MAX,
    PEERS_MAX,
    PROPOSALS_MAX,
    SAMPLES_MAX,
    SUBNETS_MAX,
    TASK_MINERS_MAX,
    TASKS_MAX,
)

Part = Literal[
    "link",
    "second",
    "status",
    "peers",
    "tasks",
    "jobs",
    "log",
    "metagraph",
    "subnets",
    "earnings",
    "models",
    "account",
    "proposals",
    "trouble",
]
PARTS: Final[tuple[Part, ...]] = (
    "link", "second", "status", "peers", "tasks", "jobs", "log", "metagraph", "subnets", "earnings", "models",
    "account", "proposals", "trouble",
)  # fmt: skip
Link = Literal["attaching", "live", "stale", "gone"]


class Model:
    """The state of the window. `versions[part]` grows whenever that part changes."""

    def __init__(self) -> None:
        self.versions: dict[Part, int] = dict.fromkeys(PARTS, 0)
        self.now_s = 0.0
        self.now_ms = 0
        self.aside = ""
        """What the status bar says before all else: that this is a replay, and where in it."""
        self.forget()

    def forget(self) -> None:
        """Begin anew, for another daemon; versions go on growing."""
        self.link: Link = "attaching"
        self.silent_s = 0.0
        self.hello: Hello | None = None
        self.status: NodeStatus | None = None
        self.block_at_s: float | None = None
        self.peers: tuple[PeerInfo, ...] | None = None
        self.tasks: dict[str, Task] | None = None
        self.task_parts: dict[str, dict[str, Task]] = {}
        """Of each task what every miner makes of it, by miner; `tasks` has one for all of them."""
        self.jobs: dict[str, Job] = {}
        self.log: deque[LogLine] = deque(maxlen=LOG_LINES_MAX)
        self.log_lost = 0
        self.metagraph: Metagraph | None = None
        self.subnets: tuple[SubnetInfo, ...] | None = None
        self.earnings: Earnings | None = None
        self.models: tuple[ModelInfo, ...] | None = None
        self.account: Account | None = None
        self.proposals: tuple[ProposalView, ...] | None = None
        self.charts: dict[int, deque[float]] = {}
        self.lags: deque[float] = deque(maxlen=SAMPLES_MAX)
        self.trouble: dict[Part, str] = {}
        self._heard_at_s = self.now_s
        for part in PARTS:
            self.bump(part)

    def key(self, parts: Iterable[Part]) -> tuple[int, ...]:
        """Return what to compare to know whether any of `parts` has changed."""
        return tuple(self.versions[part] for part in parts)

    def bump(self, part: Part) -> None:
        self.versions[part] += 1

    def observe(self, now_s: float, now_ms: int, *, connected: bool, stale: bool) -> None:
        """Take note of the time and of how the connection is."""
        if int(now_s) != int(self.now_s):
            self.bump("second")
        self.now_s, self.now_ms = now_s, now_ms
        if connected and not stale:
            self._heard_at_s = now_s
        link: Link = "attaching" if self.hello is None else "gone" if not connected else "stale" if stale else "live"
        self.silent_s = max(0.0, now_s - self._heard_at_s)
        if link != self.link:
            self.link = link
            self.bump("link")

    def greet(self, hello: Hello, now_s: float) -> None:
        """Begin a life with the daemon that said `hello`."""
        self.hello = hello
        self.now_s = now_s
        self._heard_at_s = now_s
        self.bump("link")

    def apply(self, event: AnyEvent) -> None:
        """Take in one event of a subscription."""
        match event:
            case StatusEvent(status=status):
                self.set_status(status)
            case LogEvent(lines=lines, snapshot=snapshot):
                if snapshot:
                    self.log.clear()
                self.log.extend(lines)
                self.bump("log")
            case TasksEvent(tasks=tasks, snapshot=snapshot):
                self._add_tasks(tasks, snapshot)
            case JobEvent(jobs=jobs, snapshot=snapshot):
                if snapshot:
                    self.jobs.clear()
                for job in jobs:
                    self.add_job(job)
            case GapEvent(of=topic, lost=lost):
                if topic == "log":
                    self.log_lost += lost
                    self.bump("log")
            case Heartbeat():
                pass

    def set_status(self, status: NodeStatus) -> None:
        """Replace the status, and note when its height last grew."""
        if self.status is None or status.height != self.status.height or status.pid != self.status.pid:
            self.block_at_s = self.now_s
        self.status = status
        self.lags.append(status.loop_lag_ms)
        self.bump("status")

    def set_peers(self, peers: tuple[PeerInfo, ...]) -> None:
        self.peers = peers[:PEERS_MAX]
        self.bump("peers")

    def set_subnets(self, subnets: tuple[SubnetInfo, ...]) -> None:
        """Replace the subnets, and add the price of each to its chart."""
        self.subnets = subnets[:SUBNETS_MAX]
        self.charts = {each.netuid: self.chart(each.netuid) for each in self.subnets}
        for each in self.subnets:
            self.charts[each.netuid].append(each.price_rao / 1e9 if abs(each.price_rao) < 2**63 else 0.0)
        self.bump("subnets")

    def chart(self, netuid: int) -> deque[float]:
        """Return the prices of a subnet that were seen since this window was opened, oldest first, in τ."""
        return self.charts.get(netuid) or deque(maxlen=SAMPLES_MAX)

    @property
    def prices(self) -> deque[float]:
        """The chart of the subnet to show."""
        return self.chart(self.netuid() or 0)

    def set_account(self, account: Account | None) -> None:
        """Replace what is known of the coldkey's money; None without a coldkey."""
        self.account = account
        self.bump("account")

    def set_metagraph(self, metagraph: Metagraph) -> None:
        self.metagraph = metagraph
        self.bump("metagraph")

    def set_earnings(self, earnings: Earnings) -> None:
        self.earnings = earnings
        self.bump("earnings")

    def set_models(self, models: tuple[ModelInfo, ...]) -> None:
        self.models = models
        self.bump("models")

    def set_proposals(self, proposals: tuple[ProposalView, ...]) -> None:
        self.proposals = proposals[:PROPOSALS_MAX]
        self.bump("proposals")

    def add_job(self, job: Job) -> None:
        """Add or replace one job; the oldest leave first."""
        self.jobs[job.id] = job
        while len(self.jobs) > JOBS_MAX:
            del self.jobs[next(iter(self.jobs))]
        self.bump("jobs")

    def fail(self, part: Part, sentence: str | None) -> None:
        """Note why a part could not be read, or with None that it can be again."""
        if self.trouble.get(part) == sentence:
            return
        if sentence is None:
            del self.trouble[part]
        else:
            self.trouble[part] = sentence
        self.bump("trouble")

    def netuid(self) -> int | None:
        """Return the subnet to show: the node's own, or the first besides root."""
        if self.status is not None and self.status.netuid is not None:
            return self.status.netuid
        others = [each.netuid for each in self.subnets or () if each.netuid != 0]
        return others[0] if others else None

    def subnet(self) -> SubnetInfo | None:
        """Return the subnet to show, if it is known."""
        netuid = self.netuid()
        return next((each for each in self.subnets or () if each.netuid == netuid), None)

    def _add_tasks(self, tasks: tuple[Task, ...], snapshot: bool) -> None:
        if self.tasks is None or snapshot:
            self.tasks, self.task_parts = {}, {}
        for task in tasks:
            self.tasks.pop(task.id, None)
            parts = self.task_parts.setdefault(task.id, {})
            if task.miner in parts or len(parts) < TASK_MINERS_MAX:
                parts[task.miner] = task
            self.tasks[task.id] = whole(tuple(parts.values()))
        while len(self.tasks) > TASKS_MAX:
            oldest = next(iter(self.tasks))
            del self.tasks[oldest], self.task_parts[oldest]
        self.bump("tasks")


def whole(parts: Sequence[Task]) -> Task:
    """Return one task for what several miners make of it: it runs while one of them does, and is done if one did it.

    The miner, and what is told of it, is the latest of those in that state; tokens are added up, of scores the mean.
    """
    if len(parts) == 1:
        return parts[0]
    states = {each.state for each in parts}
    state: TaskState = "running" if "running" in states else "done" if "done" in states else "failed"
    latest = [each for each in parts if each.state == state][-1]
    scores = [each.score for each in parts if each.score is not None]
    score = sum(scores) / len(scores) if scores else None
    return msgspec.structs.replace(latest, tokens=sum(each.tokens for each in parts), score=score)
