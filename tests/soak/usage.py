"""One look at a process from outside: memory, open files, threads, and the tasks it tells of itself."""

import http.client
import urllib.error
import urllib.request
from typing import Final

import psutil

from tests.soak.series import Sample

METRICS_TIMEOUT_S: Final = 5.0
METRICS_BYTES_MAX: Final = 1 << 20
_TASKS: Final = "neurond_loop_tasks "


def usage_of(pid: int, gateway_url: str | None, at_s: float) -> Sample | None:
    """Look at a process; None when it is gone. Tasks are None when its gateway does not answer."""
    try:
        process = psutil.Process(pid)
        memory = process.memory_full_info()
        fds, threads = process.num_fds(), process.num_threads()
    except psutil.Error:
        return None
    return Sample(at_s, memory.rss, memory.uss, fds, threads, _tasks(gateway_url))


def tasks_in(metrics: str) -> int | None:
    """The number of tasks in an answer to /metrics."""
    found = [line.removeprefix(_TASKS) for line in metrics.splitlines() if line.startswith(_TASKS)]
    return int(float(found[0])) if found else None


def _tasks(gateway_url: str | None) -> int | None:
    if gateway_url is None:
        return None
    url = gateway_url.removesuffix("/").removesuffix("/v1") + "/metrics"
    try:
        with urllib.request.urlopen(url, timeout=METRICS_TIMEOUT_S) as answer:
            return tasks_in(answer.read(METRICS_BYTES_MAX).decode())
    except (urllib.error.URLError, http.client.HTTPException, OSError):
        return None
