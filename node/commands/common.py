"""What all commands share: where the home is, how results and progress are shown, how questions are asked."""

import functools
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from click.core import ParameterSource

from node.commands.errors import Declined
from node.control.asking import asking
from node.control.options import Progress, encode_progress
from node.control.paths import HOME_VARIABLE, default_home, devnet_path, home_to_ask
from node.control.words import PROGRESS_VARIABLE

R = TypeVar("R")
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_PIPE_WIDTH = 200  # tables that go into a file or another program are not cut


@dataclass(frozen=True, slots=True)
class Env:
    """Which node a command speaks to, and whether a program or a person reads the answer."""

    home: Path
    json: bool
    home_given: bool = False

    @property
    def devnet_home(self) -> Path:
        """The folder of a whole network: what --home says, else a part of the default home."""
        return self.home if self.home_given else devnet_path(self.home)

    def emit(self, value: object, render: Callable[[], None]) -> None:
        """Show a result: as JSON, or by calling `render`."""
        if self.json:
            click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))
        else:
            render()


def command(function: Callable[..., R]) -> Callable[..., R]:
    """Give a command that asks a node the options --home and --json, handed over as an `Env`.

    Without --home, and when the default home's own node does not run, its local network's first node is asked.
    """
    return _with_env(function, home_to_ask)


def home_command(function: Callable[..., R]) -> Callable[..., R]:
    """Like `command`, for one that starts or stops nodes: it takes the home literally."""
    return _with_env(function, lambda home: home)


def _with_env(function: Callable[..., R], choose: Callable[[Path], Path]) -> Callable[..., R]:
    @click.option(
        "--home",
        type=click.Path(path_type=Path, file_okay=False),
        envvar=HOME_VARIABLE,
        show_envvar=True,
        help="The node's folder. Default: the user's data folder.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print JSON with stable keys.")
    @functools.wraps(function)
    def wrapped(*args: Any, home: Path | None, as_json: bool, **kwargs: Any) -> R:
        given = click.get_current_context().get_parameter_source("home") is ParameterSource.COMMANDLINE
        named = default_home() if home is None else home.expanduser().absolute()
        return function(Env(named if given else choose(named), as_json, given), *args, **kwargs)

    return wrapped


def plain(text: str) -> str:
    """Return text that strangers may have written without the characters that steer a terminal; lines and tabs stay."""
    return _STEERING.sub("\N{REPLACEMENT CHARACTER}", text)


def narrate(text: str) -> None:
    """Tell a person what goes on; never mixed with data, and not with -q."""
    context = click.get_current_context(silent=True)
    if context is None or not getattr(context.find_root().obj, "quiet", False):
        click.echo(plain(text), err=True)


def show_progress(progress: Progress) -> None:
    """Show a step of something long on standard error, as the watcher there likes it."""
    if os.environ.get(PROGRESS_VARIABLE) == "json":
        click.echo(encode_progress(progress), err=True)
        return
    amount = ""
    if progress.total:
        amount = f" {100 * progress.done // progress.total} %"
    elif progress.done:
        amount = f" {progress.done:,} {progress.unit}"
    eta = f", {progress.eta_s:.0f} s left" if progress.eta_s is not None else ""
    text = f"{progress.message}{amount}{eta}"
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text}", err=True, nl=progress.done >= progress.total)
    elif progress.done in (0, progress.total):
        click.echo(text, err=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[str] = (), empty: str) -> None:
    """Print rows under their columns, those in `right` flush right; `empty` when there are none."""
    if not rows:
        click.echo(empty)
        return
    from rich.table import Table  # loaded only when a table is shown
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        grid.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(Text(plain(str(cell))) for cell in row))  # never as markup: a peer names itself as it likes
    _print(grid)


def facts(rows: Sequence[tuple[str, object]], *, err: bool = False) -> None:
    """Print label and value, one pair a line."""
    width = max((len(label) for label, _ in rows), default=0)
    for label, value in rows:
        click.echo(f"{label:<{width}}  {plain(str(value))}", err=err)


def confirm(question: str, *, yes: bool) -> None:
    """Return when a person agrees (or `yes` was given), raise Declined otherwise.

    Without a terminal nobody can agree: it never hangs.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise Declined("Nothing was done: nobody is there to confirm.", remedy="Add --yes to go ahead without asking.")
    with asking():
        agreed = click.confirm(question, default=False, err=True)
    if not agreed:
        raise Declined("Nothing was done.", remedy="")


def short(text: str, head: int = 8, tail: int = 6) -> str:
    """Return an address or hash cut in the middle, for narrow columns."""
    return text if len(text) <= head + tail + 1 else f"{text[:head]}…{text[-tail:]}"


def duration(seconds: float) -> str:
    """Return 93784 as "1d 2h 3m"; under an hour with seconds."""
    minutes, left_s = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days or hours:
        return f"{days}d {hours}h {minutes}m" if days else f"{hours}h {minutes}m"
    return f"{minutes}m {left_s}s" if minutes else f"{left_s}s"


def _print(grid: object) -> None:
    from rich.console import Console

    terminal = sys.stdout.isatty()
    Console(width=None if terminal else _PIPE_WIDTH, no_color="NO_COLOR" in os.environ or not terminal).print(grid)
