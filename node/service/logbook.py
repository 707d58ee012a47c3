"""The node's log: a file in the home that rotates, and a ring in memory that clients follow by sequence number.

Everything speaks through the standard `logging` module: the shell as `neurond.<area>`, other packages under their own
module names. The ring is bounded; a reader that comes too late is told how many lines it lost. Must never block or
raise into whoever logs.
"""

import logging
import logging.handlers
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from node.control.schema import LogLevel, LogLine, LogPage

ROOT: Final = "neurond"
SPEAKERS: Final = (ROOT, "node", "p2p", "storage", "models")  # top-level loggers whose lines are kept
RING_LINES_MAX: Final = 5000  # a few minutes of a busy node; older lines are in the file
LINE_CHARS_MAX: Final = 2000  # one line never fills a screen or a frame
FILE_BYTES_MAX: Final = 10 * 1024 * 1024
FILES_KEPT: Final = 3

_RANK: Final[dict[LogLevel, int]] = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_FORMAT: Final = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def logger(area: str) -> logging.Logger:
    """Return the logger of one part of the node (chain, p2p, market, control …)."""
    return logging.getLogger(f"{ROOT}.{area}")


class Logbook(logging.Handler):
    """Keeps the latest lines in memory; any thread may log, any thread may read."""

    def __init__(self, capacity: int = RING_LINES_MAX) -> None:
        super().__init__(logging.DEBUG)
        self._ring: deque[LogLine] = deque(maxlen=capacity)
        self._next_seq = 1
        self._ring_lock = threading.Lock()
        self._listeners: list[Callable[[LogLine], None]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Take one line; called by logging itself."""
        try:
            text = record.getMessage()
            if record.exc_info and record.exc_info[1] is not None:
                text = f"{text}: {record.exc_info[1]!r}"
        except (TypeError, ValueError) as error:  # a wrong number of arguments in a log call
            text = f"{record.msg!r} could not be formatted: {error}"
        with self._ring_lock:
            line = LogLine(
                self._next_seq, int(record.created * 1000), _level(record.levelno), area_of(record.name),
                text[:LINE_CHARS_MAX],
            )  # fmt: skip
            self._next_seq += 1
            self._ring.append(line)
        for listener in self._listeners:
            listener(line)

    def listen(self, listener: Callable[[LogLine], None]) -> None:
        """Call `listener` with every new line, from the thread that logs: it must be quick and must not log."""
        self._listeners.append(listener)

    def page(self, since: int, level: LogLevel, limit: int) -> LogPage:
        """Return up to `limit` lines of at least `level` from sequence number `since` on; 0: the latest ones."""
        with self._ring_lock:
            lines = list(self._ring)
            next_seq = self._next_seq
        oldest = lines[0].seq if lines else next_seq
        wanted = [line for line in lines if line.seq >= since and _RANK[line.level] >= _RANK[level]]
        if since == 0:
            return LogPage(tuple(wanted[-limit:]), next_seq)
        shown = tuple(wanted[:limit])
        after = shown[-1].seq + 1 if len(wanted) > limit else next_seq
        return LogPage(shown, after, lost=max(0, oldest - since))


def open_log(file: Path, *, also_stderr: bool, level: int = logging.INFO) -> Logbook:
    """Send the node's log to `file` and to a new ring; also to the terminal when the daemon runs in front."""
    book = Logbook()
    handlers: list[logging.Handler] = [
        book,
        logging.handlers.RotatingFileHandler(file, maxBytes=FILE_BYTES_MAX, backupCount=FILES_KEPT, encoding="utf-8"),
    ]
    if also_stderr:
        handlers.append(logging.StreamHandler())
    for handler in handlers:
        handler.setFormatter(logging.Formatter(_FORMAT))
    for name in SPEAKERS:
        speaker = logging.getLogger(name)
        speaker.handlers[:] = handlers
        speaker.setLevel(level)
        speaker.propagate = False
    for noisy in ("libp2p", "multiaddr", "hypercorn", "hypercorn.error"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    return book


def _level(number: int) -> LogLevel:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warning"
    return "info" if number >= logging.INFO else "debug"


def area_of(name: str) -> str:
    """Return which part speaks: `neurond.chain` is chain; a module of `node` is its last part, others their package."""
    parts = name.split(".")
    return parts[-1] if parts[0] in (ROOT, "node") else parts[0]
