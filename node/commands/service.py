"""`neurond service`: the node as a service of this user, started at login and again when it fails. Never root.

Written are two kinds of files in the user's own folders, shown before with `--dry-run`; everything else is asked of
`systemctl --user` or `launchctl`. Where there is neither, it says so and changes nothing.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from typing import Final

import click

from node.commands.common import Env, facts, home_command, narrate
from node.control import config, launcher, service_manager
from node.control.errors import ServiceUnavailable
from node.control.service_manager import Manager, is_active, launchd_log, manager_of, require

_LINES_DEFAULT: Final = 100


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
    found = manager_of(env.home)
    commands = service_manager.install_commands(found, start=start)
    shown = {"kind": found.kind, "name": found.name, "path": str(found.path), "text": found.text,
             "commands": [list(each) for each in commands], "installed": not dry_run}  # fmt: skip

    def render() -> None:
        if dry_run:
            click.echo(f"# {found.path}\n{found.text}")
            for each in commands:
                click.echo(f"# {' '.join(each)}")
            return
        facts([("service", found.name), ("file", found.path), ("started", "yes" if start else "at the next login")])
        if found.kind == "systemd" and not service_manager.lingers():
            narrate("It stops when you log out. To let it run without a login: loginctl enable-linger")

    if dry_run:
        config.load(env.home)  # what would be refused is refused here too
    else:
        service_manager.install(found, env.home, start=start)
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
    found = manager_of(env.home)
    there = found.path.exists()
    if there and not dry_run:
        service_manager.uninstall(found)
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
    found = manager_of(env.home)
    installed, active = found.path.exists(), False
    if installed:
        require(found)
        active = is_active(found)
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
    found = manager_of(env.home)
    if found.kind == "launchd":
        command = ["tail", "-n", str(lines), *(["-f"] if follow else []), os.fspath(launchd_log(env.home))]
    else:
        command = ["journalctl", "--user", "--unit", found.name, "--lines", str(lines), "--no-pager"]
        command += ["--follow"] if follow else []
        command += ["--output", "json"] if env.json else []
    if shutil.which(command[0]) is None:
        raise ServiceUnavailable(f"The command {command[0]} is missing.", remedy="See `neurond logs`.")
    return subprocess.run(command, check=False).returncode


def _order(env: Env, choose: Callable[[Manager], tuple[str, ...]], word: str) -> None:
    found = manager_of(env.home)
    if not found.path.exists():
        raise ServiceUnavailable("No service is installed for this home.", remedy="`neurond service install` does it.")
    require(found)
    service_manager.ask(choose(found))
    env.emit({"name": found.name, word: True}, lambda: click.echo(f"{found.name} is {word}."))
