"""`neurond logs`: the log of a running node, or what a stopped one left in its file."""

import os
from datetime import datetime

import click
import msgspec

from node.commands.common import Env, command, narrate, plain
from node.commands.errors import NothingThere
from node.control.api import LogsRequest, SubscribeRequest
from node.control.client_sync import SyncClient
from node.control.errors import NotRunning
from node.control.events import GapEvent, LogEvent
from node.control.limits import LOG_LINES_PER_PAGE_MAX, STALE_AFTER_S
from node.control.paths import log_path
from node.control.schema import LOG_LEVELS, LogLevel, LogLine

_FILE_TAIL_BYTES = 256 * 1024  # a thousand long lines


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl-C.")
@click.option("--level", type=click.Choice(LOG_LEVELS), default="info", show_default=True, help="Least level to show.")
@click.option("-n", "--lines", type=click.IntRange(1, LOG_LINES_PER_PAGE_MAX), default=50, show_default=True)
@command
def logs(env: Env, follow: bool, level: LogLevel, lines: int) -> None:
    """Show the node's latest log lines; of a stopped node, the end of its log file.

    \b
    Examples:
      neurond logs -n 200
      neurond logs -f --level warning
    """
    try:
        with SyncClient(env.home) as client:
            page = client.call(LogsRequest(0, level, lines))
            if not follow:
                env.emit(page.lines, lambda: _render(page.lines))
                return
            _show(env, page.lines)
            _follow(env, client, level, page.next_seq)
    except NotRunning:
        if follow:
            raise
        _show_file(env, lines)


def _follow(env: Env, client: SyncClient, level: LogLevel, next_seq: int) -> None:
    for event in client.stream(SubscribeRequest(("log",), level), timeout_s=2 * STALE_AFTER_S):
        match event:
            case LogEvent(lines=new):
                fresh = tuple(line for line in new if line.seq >= next_seq)
                next_seq = max((line.seq + 1 for line in fresh), default=next_seq)
                _show(env, fresh)
            case GapEvent(lost=lost):
                narrate(f"({lost} lines were lost: this terminal was too slow)")
            case _:
                pass


def _show(env: Env, lines: tuple[LogLine, ...]) -> None:
    if env.json:
        for line in lines:
            click.echo(msgspec.json.encode(line))
    else:
        _render(lines)


def _render(lines: tuple[LogLine, ...]) -> None:
    for line in lines:
        at = datetime.fromtimestamp(line.time_ms / 1000).strftime("%H:%M:%S")
        click.echo(plain(f"{at} {line.level:<7} {line.area}: {line.message}"))


def _show_file(env: Env, count: int) -> None:
    path = log_path(env.home)
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _FILE_TAIL_BYTES))
            texts = file.read(_FILE_TAIL_BYTES).decode("utf-8", "replace").splitlines()[-count:]
    except FileNotFoundError:
        raise NothingThere(
            f"There is no log in {env.home}: no node has run there.", remedy="Start one with `neurond up`."
        ) from None
    narrate(f"(the node is not running; from {path})")
    env.emit(texts, lambda: click.echo("\n".join(texts)))
