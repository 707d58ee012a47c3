"""`neurond service`: the node as a service of this user, started at login and again when it fails. Never root.

Written are two kinds of files in the user's own folders, shown before with `--dry-run`; everything else is asked of
`systemctl --user` or `launchctl`. Where there is neither, it says so and changes nothing.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import platformdirs

from node.commands.common import Env, facts, home_command, narrate, plain
from node.commands.service_units import kept_environment, launchd_agent, service_name, systemd_unit
from node.control import config, launcher
from node.control.errors import ServiceUnavailable
from node.control.paths import create_home, log_path

_TIMEOUT_S: Final = 30.0  # of one request to the manager; stopping a node is waited for by `neurond down`
_OUTPUT_CHARS_MAX: Final = 64 * 1024
_LINES_DEFAULT: Final = 100


@dataclass(frozen=True, slots=True)
class Manager:
    """What runs services here, and what it needs for this home."""

    kind: str
    name: str
    path: Path
    text: str
    install: tuple[tuple[str, ...], ...]
    start: tuple[str, ...]
    stop: tuple[str, ...]
    remove: tuple[tuple[str, ...], ...]
    after_removal: tuple[tuple[str, ...], ...]
    status: tuple[str, ...]


@click.group()
def service() -> None:
    """The node as a service of this user: it starts at login, and again when it fails.

    \b
    Examples:
      neurond service install --dry-run
      neurond service status
    """


@service.command("install")
@click.option("--dry-run", is_flag=True, help="Show the file and the commands, and stop there.")
@click.option("--start/--no-start", default=True, show_default=True, help="Start it now as well.")
@home_command
def install(env: Env, dry_run: bool, start: bool) -> None:
    """Write the service's file and let the system start it at login. What the node does is in its configuration.

    \b
    Examples:
      neurond service install --dry-run
      neurond service install
    """
    found = _manager(env.home)
    config.load(env.home)  # a service that cannot start is worse than none; raises ConfigError
    commands = (*found.install, *((found.start,) if start else ()))
    shown = {"kind": found.kind, "name": found.name, "path": str(found.path), "text": found.text,
             "commands": [list(each) for each in commands], "installed": not dry_run}  # fmt: skip

    def render() -> None:
        if dry_run:
            click.echo(f"# {found.path}\n{found.text}")
            for each in commands:
                click.echo(f"# {' '.join(each)}")
            return
        facts([("service", found.name), ("file", found.path), ("started", "yes" if start else "at the next login")])
        if found.kind == "systemd" and not _lingers():
            narrate("It stops when you log out. To let it run without a login: loginctl enable-linger")

    if not dry_run:
        _refuse_sudo()
        if start and launcher.find(env.home) is not None and not _is_active(found):
            raise ServiceUnavailable(
                "A node of this home runs already, outside of the service.", remedy="Stop it first: `neurond down`."
            )
        _need(found)
        create_home(env.home)
        _write(found.path, found.text)
        for each in commands:
            _ask(each)
    env.emit(shown, render)


@service.command("uninstall")
@click.option("--dry-run", is_flag=True, help="Show what would be done and stop there.")
@home_command
def uninstall(env: Env, dry_run: bool) -> None:
    """Stop the service and remove its file. The home stays as it is.

    \b
    Example:
      neurond service uninstall
    """
    found = _manager(env.home)
    there = found.path.exists()
    if there and not dry_run:
        _refuse_sudo()
        _need(found)
        for each in found.remove:
            _ask(each, may_fail=True)
        found.path.unlink(missing_ok=True)
        for each in found.after_removal:
            _ask(each, may_fail=True)
    words = f"{found.path} {'would be removed' if dry_run else 'is removed'}." if there else "No service is installed."
    env.emit({"path": str(found.path), "removed": there and not dry_run}, lambda: click.echo(words))


@service.command("status")
@home_command
def status(env: Env) -> int:
    """Show whether the service is installed and runs; exit code 1 when it does not run.

    \b
    Example:
      neurond service status
    """
    found = _manager(env.home)
    installed, active = found.path.exists(), False
    if installed:
        _need(found)
        active = _is_active(found)
    running = launcher.find(env.home)
    rows: list[tuple[str, object]] = [
        ("service", found.name), ("file", found.path), ("installed", "yes" if installed else "no"),
        ("runs", "yes" if active else "no"),
        ("node", "none answers" if running is None else f"process {running.pid}, {running.state}"),
    ]  # fmt: skip
    if installed and found.path.read_text(encoding="utf-8", errors="replace") != found.text:
        rows.append(("note", "the file is not what this version writes: `neurond service install` renews it"))
    answer = {"kind": found.kind, "name": found.name, "path": str(found.path), "installed": installed,
              "active": active, "pid": None if running is None else running.pid}  # fmt: skip
    env.emit(answer, lambda: facts(rows))
    return 0 if active else 1


@service.command("start")
@home_command
def start(env: Env) -> None:
    """Start the installed service.

    \b
    Example:
      neurond service start
    """
    _order(env, lambda found: found.start, "started")


@service.command("stop")
@home_command
def stop(env: Env) -> None:
    """Stop the service until the next login; running tasks are finished first.

    \b
    Example:
      neurond service stop
    """
    _order(env, lambda found: found.stop, "stopped")


@service.command("logs")
@click.option("-n", "--lines", type=click.IntRange(1, 10_000), default=_LINES_DEFAULT, show_default=True)
@click.option("-f", "--follow", is_flag=True, help="Go on with new lines until Ctrl-C.")
@home_command
def logs(env: Env, lines: int, follow: bool) -> int:
    """Show what the system kept of the service: starts, failures, what was said before the node's own log began.

    The node's own log is `neurond logs`.

    \b
    Example:
      neurond service logs -n 50
    """
    found = _manager(env.home)
    if found.kind == "launchd":
        command = ["tail", "-n", str(lines), *(["-f"] if follow else []), os.fspath(_launchd_log(env.home))]
    else:
        command = ["journalctl", "--user", "--unit", found.name, "--lines", str(lines), "--no-pager"]
        command += ["--follow"] if follow else []
        command += ["--output", "json"] if env.json else []
    if shutil.which(command[0]) is None:
        raise ServiceUnavailable(f"The command {command[0]} is missing.", remedy="See `neurond logs`.")
    return subprocess.run(command, check=False).returncode


def _order(env: Env, choose: Callable[[Manager], tuple[str, ...]], word: str) -> None:
    found = _manager(env.home)
    if not found.path.exists():
        raise ServiceUnavailable("No service is installed for this home.", remedy="`neurond service install` does it.")
    _need(found)
    _ask(choose(found))
    env.emit({"name": found.name, word: True}, lambda: click.echo(f"{found.name} is {word}."))


def _manager(home: Path) -> Manager:
    """Return what runs services on this system. Raises ServiceUnavailable where nothing does."""
    command = [*launcher.neurond_command(), "up", "--foreground", "--home", os.fspath(home)]
    name = service_name(home, Path(platformdirs.user_data_dir("neurond")))
    environment = kept_environment(os.environ)
    if sys.platform == "darwin":
        label, domain = f"org.{name}", f"gui/{os.getuid()}"
        path = Path.home() / "Library" / "LaunchAgents" / f"{label}.plist"
        target = f"{domain}/{label}"
        return Manager(
            "launchd", label, path, launchd_agent(label, command, _launchd_log(home), environment),
            (("launchctl", "enable", target),), ("launchctl", "bootstrap", domain, os.fspath(path)),
            ("launchctl", "bootout", target), (("launchctl", "bootout", target),), (),
            ("launchctl", "print", target),
        )  # fmt: skip
    if not sys.platform.startswith("linux"):
        raise ServiceUnavailable("Services are written for systemd and launchd; this system has neither.")
    unit = f"{name}.service"
    folder = Path(platformdirs.user_config_dir("systemd")) / "user"
    asked = ("systemctl", "--user")
    return Manager(
        "systemd", unit, folder / unit, systemd_unit(command, home, environment),
        ((*asked, "daemon-reload"), (*asked, "enable", unit)), (*asked, "start", "--no-block", unit),
        (*asked, "stop", unit), ((*asked, "disable", "--now", unit),),
        ((*asked, "daemon-reload"), (*asked, "reset-failed", unit)), (*asked, "is-active", "--quiet", unit),
    )  # fmt: skip


def _launchd_log(home: Path) -> Path:
    return log_path(home).with_name("service.log")


def _need(found: Manager) -> None:
    """Raise ServiceUnavailable when the manager of this system cannot be asked."""
    program = found.start[0]
    if shutil.which(program) is None:
        raise ServiceUnavailable(f"The command {program} is missing: nothing here runs services for users.")
    if found.kind == "systemd":
        outcome = _run(("systemctl", "--user", "show-environment"))
        if outcome.returncode != 0:
            raise ServiceUnavailable(f"systemd does not run services for this user: {_said(outcome)}")


def _is_active(found: Manager) -> bool:
    return shutil.which(found.status[0]) is not None and _run(found.status).returncode == 0


def _lingers() -> bool:
    name = os.environ.get("USER", "")
    return bool(name) and Path("/var/lib/systemd/linger", name).exists()


def _refuse_sudo() -> None:
    if os.getuid() == 0 and os.environ.get("SUDO_UID"):
        raise ServiceUnavailable(
            "A service belongs to a user, and this is root by way of sudo.", remedy="Leave sudo out."
        )


def _write(path: Path, text: str) -> None:
    if path.is_symlink():
        raise ServiceUnavailable(f"{path} is a link.", remedy="Remove it first; nothing is written through it.")
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(0o644)
    draft.replace(path)


def _ask(command: Sequence[str], *, may_fail: bool = False) -> None:
    outcome = _run(command)
    if outcome.returncode != 0 and not may_fail:
        raise ServiceUnavailable(f"`{' '.join(command)}` failed: {_said(outcome)}")


def _run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            command, check=False, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ServiceUnavailable(f"`{' '.join(command)}` did not answer within {_TIMEOUT_S:g} s.") from error
    except OSError as error:
        raise ServiceUnavailable(f"`{command[0]}` cannot be run: {error.strerror}.") from error


def _said(outcome: "subprocess.CompletedProcess[str]") -> str:
    lines = (outcome.stderr or outcome.stdout or "")[:_OUTPUT_CHARS_MAX].strip().splitlines()
    return plain(lines[-1][:200]) if lines else f"exit code {outcome.returncode}"
