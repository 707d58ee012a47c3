"""`neurond data sources`: what a node collects from, in its own folder; a running node notices changes by itself."""

import time
from pathlib import Path
from typing import Final

import click

from node.commands.common import Env, command, narrate, table
from node.commands.lazy import DefaultGroup

NAME: Final = "data_universe"


def data_folder(env: Env) -> Path:
    """Where the node of this home keeps the subnet's data."""
    return env.home / "subnets" / NAME


def now_ms() -> int:
    """The time of this machine, in ms since 1970."""
    return time.time_ns() // 1_000_000


@click.group("sources", cls=DefaultGroup, default="list")
def sources() -> None:
    """What this node collects from.

    \b
    Examples:
      neurond data sources
      neurond data sources add hn
    """


@sources.command("list")
@command
def list_sources(env: Env) -> None:
    """List the sources, when each was read and what went wrong.

    \b
    Example:
      neurond data sources list --json
    """
    from node.subnets.data_universe.settings import JobStatus, read_settings, read_status

    settings, status = read_settings(data_folder(env)), read_status(data_folder(env))
    known = {(each.source, each.target): each for each in status.jobs}
    found = [(job, known.get((job.source, job.target), JobStatus(job.target, job.source))) for job in settings.jobs]
    rows = [
        (job.source, job.target, job.label or "-", "paused" if job.is_paused else f"{job.every_minutes} min", each.new,
         _ago(each.last_ms), each.problem)
        for job, each in found
    ]  # fmt: skip
    columns = ("kind", "where", "label", "every", "rows", "read", "problem")
    empty = "None. `neurond data sources add feed URL` adds one."

    def show() -> None:
        table(columns, rows, right=("rows",), empty=empty)
        if status.paused:
            narrate(f"Collecting pauses: {status.paused}")

    env.emit([{"source": job, "status": each} for job, each in found], show)


@sources.command("add")
@click.argument("kind", type=click.Choice(("feed", "hn", "activity", "web", "files")))
@click.argument("target", required=False, default="")
@click.option("--label", default="", help="Rows go under this label. Default: the source's own.")
@click.option("--every", "minutes", type=click.IntRange(1, 10_080), default=30, show_default=True, help="Minutes.")
@click.option("--paused", is_flag=True, help="Known, so that others' rows can be looked up in it, but not read.")
@command
def add_source(env: Env, kind: str, target: str, label: str, minutes: int, paused: bool) -> None:
    """Add a source, or change the one at the same place. TARGET is an address; for `files` a folder.

    \b
    Examples:
      neurond data sources add feed https://example.org/news.rss --label news
      neurond data sources add files ./letters
    """
    from node.subnets.data_universe.adapters.base import CollectJob
    from node.subnets.data_universe.collecting import with_job
    from node.subnets.data_universe.settings import read_settings, write_settings

    folder = data_folder(env)
    where = str(Path(target).expanduser().absolute()) if kind == "files" else target
    job = CollectJob(kind, where, label, minutes, paused)
    write_settings(folder, with_job(read_settings(folder), job))
    env.emit(job, lambda: narrate(f"{kind} {where or 'its usual place'}: read every {minutes} minutes by a miner."))


@sources.command("remove")
@click.argument("target")
@command
def remove_source(env: Env, target: str) -> None:
    """Remove the source at TARGET; the rows it gave stay.

    \b
    Example:
      neurond data sources remove https://example.org/news.rss
    """
    from node.subnets.data_universe.collecting import without_job
    from node.subnets.data_universe.settings import read_settings, write_settings

    settings = without_job(read_settings(data_folder(env)), target)
    write_settings(data_folder(env), settings)
    env.emit(settings.jobs, lambda: narrate(f"{target} is not read any more."))


def _ago(then_ms: int) -> str:
    if not then_ms:
        return "never"
    minutes = max(0, now_ms() - then_ms) // 60_000
    return f"{minutes} min ago" if minutes < 120 else f"{minutes // 60} h ago"
