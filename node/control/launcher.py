"""Starting, finding and stopping daemons and devnets, for whoever sits in front of them.

A daemon is a process and a session of its own: it outlives the window and the shell that started it. Whether one runs
is found out by asking its socket, never by looking at files. Everything here blocks: call it from a worker thread
where a screen must stay quick.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from node.control.api import ShutdownRequest
from node.control.client_sync import SyncClient
from node.control.config_kinds import NONE
from node.control.errors import ConnectionLost, DaemonFailed, NotRunning, RequestTimeout
from node.control.limits import (
    COMMAND_OUTPUT_BYTES_MAX,
    LAUNCH_POLL_S,
    LOG_TAIL_BYTES,
    START_TIMEOUT_S,
    STOP_TIMEOUT_S,
)
from node.control.options import NOWHERE, DaemonConfig, DevnetOptions, DevnetStatus, Progress, ProgressSink
from node.control.paths import CONFIG_VARIABLE, create_home, log_path
from node.control.schema import Hello
from node.control.words import ERROR_PREFIX, PROGRESS_VARIABLE, SECRET_VARIABLES
from node.primitives.errors import ControlError

_VALUES: Final = {
    "genesis_path": "--genesis",
    "genesis_hash": "--genesis-hash",
    "role": "--role",
    "wallet": "--wallet",
    "hotkey": "--hotkey",
    "gateway_port": "--gateway-port",
    "model": "--model",
    "model_store": "--model-store",
    "model_threads": "--model-threads",
    "backend": "--backend",
    "cheat": "--cheat",
    "keep": "--keep",
    "disk_mb": "--disk-mb",
    "sync": "--sync",
    "checkpoint": "--checkpoint",
    "log_level": "--log-level",
}
"""The flag of each field that has one value."""


def find(home: Path) -> Hello | None:
    """Return what the daemon of `home` says of itself, None when none runs.

    Raises:
        RequestTimeout, VersionMismatch, ProtocolError: there is one, but it cannot be talked to.
    """
    try:
        with SyncClient(home) as client:
            return client.hello
    except (NotRunning, ConnectionLost):  # the latter: it is just going away
        return None


def start(config: DaemonConfig, progress: ProgressSink, *, timeout_s: float = START_TIMEOUT_S) -> Hello:
    """Start the daemon of a home, unless it runs already, and return once it works (state "running" or "syncing").

    Raises:
        DaemonFailed: it ended, or did not get ready in time; the message is its own last sentence.
    """
    running = find(config.home)
    if running is not None:
        return running
    create_home(config.home)
    log = log_path(config.home)
    before_bytes = log.stat().st_size if log.exists() else 0
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*neurond_command(), *daemon_arguments(config)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            close_fds=True,
            env=_environment_of_daemons(),
        )
    progress(Progress("starting", f"starting the node (process {process.pid})"))
    return _until_ready(config.home, process, log, before_bytes, progress, time.monotonic() + timeout_s)


def stop(home: Path, progress: ProgressSink, *, drain: bool = True, timeout_s: float = STOP_TIMEOUT_S) -> bool:
    """Stop the daemon of a home and wait until it is gone; False when none ran.

    Raises:
        RequestTimeout: it is still there after `timeout_s`.
    """
    hello = find(home)
    if hello is None:
        return False
    with suppress(NotRunning, ConnectionLost), SyncClient(home) as client:  # it may stop faster than it answers
        client.call(ShutdownRequest(drain))
    pid = hello.pid
    progress(Progress("stopping", f"the node (process {pid}) finishes its work"))
    give_up_at_s = time.monotonic() + timeout_s
    while find(home) is not None or _alive(pid):
        if time.monotonic() > give_up_at_s:
            raise RequestTimeout(
                f"The node (process {pid}) is still running after {timeout_s:g} s.",
                remedy="Wait, or stop it with `neurond down --no-drain`.",
            )
        time.sleep(LAUNCH_POLL_S)
    return True


def join(home: Path, target: str, progress: ProgressSink, extra: Sequence[str] = ()) -> Hello:
    """Join the network of an invite or multiaddress with a new or stopped home, by the command `neurond join`.

    Raises:
        DaemonFailed: the message is the command's own sentence.
    """
    run_command(["join", target, "--home", os.fspath(home), "--json", *extra], progress)
    hello = find(home)
    if hello is None:
        raise DaemonFailed("The node joined and stopped again.", remedy="See `neurond logs`.")
    return hello


def start_devnet(options: DevnetOptions, progress: ProgressSink) -> DevnetStatus:
    """Bring up a network of processes on this machine, by the command `neurond devnet up`; DaemonFailed otherwise."""
    return _devnet(["devnet", "up", *devnet_arguments(options)], progress)


def devnet_status(home: Path) -> DevnetStatus:
    """Return what runs below `home`; DaemonFailed when there is no devnet."""
    return _devnet(["devnet", "status", "--home", os.fspath(home)], lambda _: None)


def stop_devnet(home: Path, progress: ProgressSink) -> None:
    """Stop all nodes of the devnet below `home`; DaemonFailed when that fails."""
    run_command(["devnet", "down", "--home", os.fspath(home), "--json"], progress)


def neurond_command() -> list[str]:
    """Return how to run this installation's `neurond`: the script beside the Python that runs this.

    Raises:
        DaemonFailed: it is not installed there.
    """
    beside = Path(sys.executable).with_name("neurond")
    found = os.fspath(beside) if beside.exists() else shutil.which("neurond")
    if found is None:
        raise DaemonFailed(
            f"The command neurond is missing beside {sys.executable}.",
            remedy="Install this program again: `make setup`.",
        )
    return [found]


def daemon_arguments(config: DaemonConfig) -> list[str]:
    """Return the command-line arguments that mean `config`; `neurond up --foreground` turns them back.

    What nobody chose is left out, so that the home can repeat its last start.
    """
    arguments = ["up", "--foreground", "--home", os.fspath(config.home)]
    default = DaemonConfig(config.home)
    chosen = {each for each in _VALUES if each in config.given or getattr(config, each) != getattr(default, each)}
    for name, flag in _VALUES.items():
        value = getattr(config, name)
        if name in chosen:
            arguments += [flag, NONE if value is None else str(value)]
    if "listen" in config.given or config.listen != default.listen:
        for address in config.listen or (NOWHERE,):
            arguments += ["--listen", address]
    for address in config.bootstrap:
        arguments += ["--bootstrap", address]
    for netuid in config.netuids:
        arguments += ["--netuid", str(netuid)]
    if not config.mdns or "mdns" in config.given:
        arguments.append("--mdns" if config.mdns else "--no-mdns")
    if config.snapshots is not None:
        arguments.append("--snapshots" if config.snapshots else "--no-snapshots")
    if config.accept_copied_home:
        arguments.append("--accept-copied-home")
    for name in sorted(config.configured):
        arguments += ["--configured", name]
    return arguments


def devnet_arguments(options: DevnetOptions) -> list[str]:
    """Return the command-line arguments that mean `options`."""
    arguments = ["--home", os.fspath(options.home)]
    for flag, value in (
        ("--nodes", options.nodes),
        ("--authorities", options.authorities),
        ("--slot-ms", options.slot_ms),
        ("--tempo", options.tempo),
        ("--epoch-slots", options.epoch_slots),
        ("--model", options.model),
        ("--model-store", options.model_store),
        ("--base-port", options.base_port),
    ):
        if value is not None:
            arguments += [flag, str(value)]
    for kind in options.cheaters:
        arguments += ["--cheat", kind]
    for name in options.subnets:
        arguments += ["--subnet", name]
    return arguments


def last_sentence(text: str) -> str:
    """Return the last thing that a process said for people: its error sentence if there is one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in reversed(lines):
        if line.startswith(ERROR_PREFIX):
            return line.removeprefix(ERROR_PREFIX)
    return lines[-1] if lines else ""


def _environment_of_daemons() -> dict[str, str]:
    """Ours without what opens a wallet, and without a configuration: all of it is on the command line already."""
    kept = {name: value for name, value in os.environ.items() if name not in SECRET_VARIABLES}
    return {**kept, CONFIG_VARIABLE: NONE}


def _until_ready(
    home: Path,
    process: "subprocess.Popen[bytes]",
    log: Path,
    before_bytes: int,
    progress: ProgressSink,
    give_up_at_s: float,
) -> Hello:
    phase = ""
    patience_s = give_up_at_s - time.monotonic()
    while time.monotonic() < give_up_at_s:
        hello = _greet(home)
        if hello is not None and hello.state in ("running", "syncing"):
            return hello
        if hello is not None and hello.phase != phase:
            phase = hello.phase
            give_up_at_s = time.monotonic() + patience_s  # it gets on: a snapshot may take minutes to come
            progress(Progress("starting", phase))
        if process.poll() is not None:
            said = last_sentence(_tail(log, before_bytes))
            raise DaemonFailed(said or f"The node ended at once (exit code {process.returncode}) without a word.")
        time.sleep(LAUNCH_POLL_S)
    raise DaemonFailed(
        f"The node (process {process.pid}) was not ready in time; it goes on trying.", remedy=f"See {log}."
    )


def _greet(home: Path) -> Hello | None:
    try:
        return find(home)
    except ControlError:
        return None  # half open; the next look tells more


def _tail(log: Path, from_byte: int) -> str:
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(from_byte if from_byte <= size else 0, size - LOG_TAIL_BYTES))
        return file.read(LOG_TAIL_BYTES).decode("utf-8", "replace")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # the number belongs to somebody else now
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Tell whether our own ended child waits to be collected; collects it if so."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return False


def _devnet(arguments: list[str], progress: ProgressSink) -> DevnetStatus:
    output = run_command([*arguments, "--json"], progress)
    try:
        return msgspec.json.decode(output, type=DevnetStatus)
    except msgspec.DecodeError as error:
        raise DaemonFailed(f"`neurond devnet` printed something unexpected: {error}.") from error


def run_command(arguments: list[str], progress: ProgressSink, *, may_fail: bool = False) -> bytes:
    """Run a command of ours to its end and return what it printed; its standard error is progress, or sentences.

    `may_fail` takes what was printed for an answer although the command ended with exit code 1.

    Raises:
        DaemonFailed: the message is the command's own last sentence.
    """
    process = subprocess.Popen(
        [*neurond_command(), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, PROGRESS_VARIABLE: "json"},
    )
    with process:
        if process.stdout is None or process.stderr is None:
            raise DaemonFailed("The command's output cannot be read.")
        said = ""
        for raw in process.stderr:
            line = raw.decode("utf-8", "replace").strip()
            step = _decode_progress(line)
            if step is None:
                said = f"{said}\n{line}"[-LOG_TAIL_BYTES:]
            else:
                progress(step)
        output = process.stdout.read(COMMAND_OUTPUT_BYTES_MAX)
    if process.returncode != 0 and not (may_fail and process.returncode == 1 and not _is_error(output)):
        raise DaemonFailed(last_sentence(said) or f"The command ended with exit code {process.returncode}.")
    return output


def _is_error(output: bytes) -> bool:
    """Whether a command printed an error, or nothing, instead of its result."""
    return not output.strip() or b'"error"' in output[:16]


def _decode_progress(line: str) -> Progress | None:
    try:
        return msgspec.json.decode(line, type=Progress)
    except msgspec.DecodeError:
        return None
