"""Machines and cables for tests: network namespaces of the kernel, joined by virtual links, bridges and routers.

Everything of a lab has names of its own and is gone when the lab closes, whatever the test did; the network of the
machine itself is never touched. Needs root and the commands of iproute2: `why_not` says what is missing.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Final, Self

COMMAND_TIMEOUT_S: Final = 20.0
"""One `ip` command takes milliseconds; more means that the kernel hangs."""
_TRIAL: Final = f"lab-{os.getpid()}-trial"
_SERIAL: Final = count()


def why_not(*commands: str) -> str | None:
    """Return why no lab can be made here, for `pytest.skip`; None when it can. `commands` are further needs."""
    for command in ("ip", *commands):
        if shutil.which(command) is None:
            return f"needs the command {command}"
    if os.geteuid() != 0:
        return "needs root, to make network namespaces"
    made = _finished(["ip", "netns", "add", _TRIAL])
    if made.returncode != 0:
        return f"the kernel allows no network namespaces: {made.stderr.strip()}"
    try:
        wired = _finished(["ip", "-n", _TRIAL, "link", "add", "trial", "type", "veth", "peer", "name", "trial2"])
        return None if wired.returncode == 0 else f"the kernel has no virtual links: {wired.stderr.strip()}"
    finally:
        _finished(["ip", "netns", "del", _TRIAL])


class LabError(Exception):
    """A command that builds the lab failed."""


class Lab:
    """Namespaces that live as long as the block; use as a context manager.

    Machines and interfaces go by the short names the test gives them (interfaces: at most 15 characters).
    """

    def __init__(self) -> None:
        self._prefix = f"lab-{os.getpid()}-{next(_SERIAL)}"
        self._spaces: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def machine(self, name: str) -> str:
        """Make a machine with nothing but a loopback device; returns its name."""
        space = f"{self._prefix}-{name}"
        _run("ip", "netns", "add", space)
        self._spaces[name] = space
        _run("ip", "-n", space, "link", "set", "lo", "up")
        return name

    def router(self, name: str) -> str:
        """Make a machine that passes packets on between its links."""
        self.machine(name)
        self.run(name, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        return name

    def switch(self, name: str, bridge: str, address: str | None = None) -> None:
        """Make a bridge on machine `name`, with an address such as 10.1.0.1/24 of its own if wanted."""
        self.ip(name, "link", "add", bridge, "type", "bridge", "forward_delay", "0")
        if address is not None:
            self.ip(name, "addr", "add", address, "dev", bridge)
        self.ip(name, "link", "set", bridge, "up")

    def cable(self, first: str, first_interface: str, second: str, second_interface: str) -> None:
        """Join two machines by a link; both ends are up and have no address yet."""
        _run(
            "ip", "link", "add", first_interface, "netns", self._spaces[first], "type", "veth",
            "peer", "name", second_interface, "netns", self._spaces[second],
        )  # fmt: skip
        self.ip(first, "link", "set", first_interface, "up")
        self.ip(second, "link", "set", second_interface, "up")

    def plug(self, name: str, interface: str, bridge: str) -> None:
        """Put an interface of a machine into its bridge."""
        self.ip(name, "link", "set", interface, "master", bridge)

    def address(self, name: str, interface: str, address: str, gateway: str | None = None) -> None:
        """Give an interface an address such as 10.1.0.2/24, and the machine a way to everywhere else."""
        self.ip(name, "addr", "add", address, "dev", interface)
        if gateway is not None:
            self.ip(name, "route", "add", "default", "via", gateway)

    def ip(self, name: str, *words: str) -> str:
        """Run `ip` for a machine. Raises LabError."""
        return _run("ip", "-n", self._spaces[name], *words)

    def run(self, name: str, *words: str) -> str:
        """Run a command on a machine to its end; returns what it printed. Raises LabError."""
        return _run(*self.command(name, *words))

    def command(self, name: str, *words: str | Path) -> list[str]:
        """Return the words that run a command on a machine, for `subprocess`; the process keeps its id."""
        return ["ip", "netns", "exec", self._spaces[name], *(os.fspath(word) for word in words)]

    def pids(self, name: str) -> list[int]:
        """Return the processes on a machine."""
        return [int(word) for word in _run("ip", "netns", "pids", self._spaces[name]).split()]

    def close(self) -> None:
        """Kill what still runs on the machines and remove them."""
        for name, space in self._spaces.items():
            with suppress(LabError):
                for pid in self.pids(name):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            with suppress(LabError):
                _run("ip", "netns", "del", space)
        self._spaces.clear()


def _run(*words: str) -> str:
    done = _finished(words)
    if done.returncode != 0:
        raise LabError(f"{' '.join(words)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def _finished(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False)
