"""A program on a terminal of its own, for benchmarks: keys go in, what is drawn comes out, its CPU time is read.

Linux only. Must never end a process that it did not start.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Self

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_ESCAPES: Final = re.compile(rb"\x1b(\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[()][0-9A-B]|[=>78M])")
_READ_BYTES: Final = 1 << 16


class Terminal:
    """One program in a pseudo-terminal of `columns` x `rows`."""

    def __init__(self, command: Sequence[str], columns: int = 160, rows: int = 48) -> None:
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
            os.execve(command[0], list(command), environment)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.drawn_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._fd, keys.encode())

    def wait(self, text: str, within_s: float = 60.0) -> float:
        """Seconds until `text` is drawn, escapes aside; text drawn before does not count. Raises TimeoutError."""
        begin_s, wanted, seen = time.perf_counter(), text.encode(), b""
        while (left_s := begin_s + within_s - time.perf_counter()) > 0:
            seen += self._read(left_s)
            if wanted in _ESCAPES.sub(b"", seen):
                return time.perf_counter() - begin_s
        raise TimeoutError(f"{text!r} was not drawn within {within_s:g} s")

    def drain(self, for_s: float) -> None:
        """Let it draw."""
        end_s = time.perf_counter() + for_s
        while (left_s := end_s - time.perf_counter()) > 0:
            self._read(left_s)

    def cpu_s(self) -> float:
        """CPU seconds of the program so far, without children."""
        with open(f"/proc/{self.pid}/stat") as stat:
            words = stat.read().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / _TICKS_PER_S

    def close(self) -> None:
        """End the program, if it has not ended by itself."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._fd)

    def left(self, within_s: float = 20.0) -> bool:
        """Whether the program ends by itself in time."""
        end_s = time.perf_counter() + within_s
        while time.perf_counter() < end_s:
            try:
                self._read(0.05)
            except EOFError:
                return True
        return False

    def _read(self, within_s: float) -> bytes:
        if not select.select([self._fd], [], [], within_s)[0]:
            return b""
        try:
            data = os.read(self._fd, _READ_BYTES)
        except OSError as error:  # the program has ended
            raise EOFError("the program has ended") from error
        self.drawn_bytes += len(data)
        return data
