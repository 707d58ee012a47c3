"""Long work that a client starts and watches: each job is a task in the node's nursery with a row in the hub."""

import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec
import trio

from node.control.errors import error_view
from node.control.hub import Hub
from node.control.schema import ErrorView, Job
from node.service.errors import Unknown
from node.service.logbook import logger

log = logger("jobs")


class Report(Protocol):
    """How a running job tells how far it is; callable from the trio thread only."""

    def __call__(
        self, message: str, *, done: int = 0, total: int = 0, unit: str = "", eta_s: float | None = None
    ) -> None: ...


class Jobs:
    """Starts jobs and keeps their rows up to date."""

    def __init__(self, hub: Hub, nursery: trio.Nursery) -> None:
        self._hub = hub
        self._nursery = nursery
        self._count = 0
        self._run = f"{time.time_ns() // 1_000_000:x}"  # job ids of two lives of a daemon never meet

    def start(self, kind: str, title: str, work: Callable[[Report], Awaitable[str]]) -> Job:
        """Start `work`, which returns its closing sentence; a failure ends the job and nothing else."""
        self._count += 1
        job = Job(f"{self._run}-{self._count}", kind, title, "running")
        self._hub.put_job(job)
        self._nursery.start_soon(self._watch, job, work)
        return job

    def get(self, job_id: str) -> Job:
        """Return a job by its id. Raises Unknown."""
        job = self._hub.job(job_id)
        if job is None:
            raise Unknown(f"There is no job {job_id[:40]!r}, or it ended long ago.")
        return job

    async def _watch(self, job: Job, work: Callable[[Report], Awaitable[str]]) -> None:
        latest = job

        def report(message: str, *, done: int = 0, total: int = 0, unit: str = "", eta_s: float | None = None) -> None:
            nonlocal latest
            latest = msgspec.structs.replace(
                latest, message=message, done=done, total=total, unit=unit, eta_s=eta_s
            )  # fmt: skip
            self._hub.put_job(latest)

        try:
            closing = await work(report)
        except Exception as error:
            view = error_view(error)
            if view is None:
                log.exception("the job %s failed by a defect", job.title)
                view = ErrorView("defect", "The job failed by a defect of this program; the log has the details.")
            self._hub.put_job(msgspec.structs.replace(latest, state="failed", message=view.message, error=view))
        else:
            self._hub.put_job(msgspec.structs.replace(latest, state="done", message=closing, eta_s=None))
