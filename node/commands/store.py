"""`neurond store`: what a running node stores and shares, held against its hashes, written out, got anew."""

import time
from pathlib import Path
from typing import Final

import click

from node.commands.common import Env, command, confirm, duration, show_progress, table
from node.commands.lazy import DefaultGroup
from node.control.api import JobRequest
from node.control.client_sync import SyncClient
from node.control.data_api import DataDropRequest, DataExportRequest, DataRepairRequest, DataRequest, DataVerifyRequest
from node.control.errors import RemoteError
from node.control.limits import FOLLOW_PAUSE_MIN_S
from node.control.options import Progress
from node.control.requests import Request
from node.control.schema import ErrorView, Job
from node.control.views.data import DataItem

_ITEM = click.argument("item")
_MS: Final = 1000


@click.group(cls=DefaultGroup, default="list")
def store() -> None:
    """Chain, snapshots, collected rows, payloads of subnets, models: what is here, how large, when checked.

    \b
    Examples:
      neurond store
      neurond store verify chain
      neurond store export chain /media/disk/state.snapshot
    """


@store.command("list")
@command
def list_items(env: Env) -> None:
    """List what the node stores; the first column is an item's name in the other commands.

    \b
    Example:
      neurond store list --json
    """
    with SyncClient(env.home) as client:
        found = client.call(DataRequest())
    columns = ("item", "state", "size", "have", "budget", "checked", "can be")
    rows = [_row(item) for item in found.items]
    env.emit(found, lambda: table(columns, rows, right=("size", "have", "budget"), empty="Nothing is stored."))


@store.command("verify")
@_ITEM
@command
def verify(env: Env, item: str) -> None:
    """Hold an item against its hashes; nothing is changed.

    \b
    Example:
      neurond store verify model:smollm2-135m-instruct
    """
    _run(env, DataVerifyRequest(item))


@store.command("repair")
@_ITEM
@command
def repair(env: Env, item: str) -> None:
    """Get a model anew where it is missing or damaged.

    \b
    Example:
      neurond store repair model:smollm2-135m-instruct
    """
    _run(env, DataRepairRequest(item))


@store.command("export")
@_ITEM
@click.argument("path", type=click.Path(path_type=Path))
@command
def export(env: Env, item: str, path: Path) -> None:
    """Write an item to the new file or folder PATH of the node's machine.

    \b
    Example:
      neurond store export rows ./rows
    """
    _run(env, DataExportRequest(item, str(path.expanduser().absolute())))


@store.command("drop")
@_ITEM
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@command
def drop(env: Env, item: str, yes: bool) -> None:
    """Delete a payload that came from others; it is fetched again when it is needed.

    \b
    Example:
      neurond store drop blob:9f2c… -y
    """
    confirm(f"Delete {item}?", yes=yes)
    _run(env, DataDropRequest(item))


def _run(env: Env, request: Request[Job]) -> None:
    """Start a job and follow it to its end. Raises RemoteError when it fails."""
    with SyncClient(env.home) as client:
        job = client.call(request)
        while job.state == "running":
            show_progress(Progress(job.kind, job.message or job.title, job.done, job.total, job.unit, job.eta_s))
            time.sleep(FOLLOW_PAUSE_MIN_S)
            job = client.call(JobRequest(job.id))
    if job.state == "failed":
        raise RemoteError(job.error or ErrorView("job_failed", f"{job.title} failed."))
    env.emit(job, lambda: click.echo(f"{job.message}."))


def _row(item: DataItem) -> tuple[object, ...]:
    checked = "-"
    if item.checked_ms is not None:
        ago = duration(max(0.0, time.time() - item.checked_ms / _MS))
        checked = f"{'sound' if item.sound else 'damaged'}, {ago} ago"
    have = f"{100 * item.have_bytes // item.want_bytes} %" if item.want_bytes else "-"
    budget = "-" if not item.budget_bytes else f"{item.budget_bytes:,}"
    return (item.id, item.state, f"{item.have_bytes:,}", have, budget, checked, ", ".join(item.actions))
