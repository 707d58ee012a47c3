"""`neurond models`: what this build can run, fetching it, checking it.

A running node is asked; without one the same work is done right here on this user's model store.
"""

import time
from pathlib import Path

import click

from node.commands.common import Env, command, show_progress, table
from node.commands.errors import NothingThere
from node.commands.lazy import DefaultGroup
from node.control.api import JobRequest, ModelPullRequest, ModelsRequest, ModelVerifyRequest
from node.control.client_sync import SyncClient
from node.control.errors import NotRunning, RemoteError
from node.control.limits import FOLLOW_PAUSE_MIN_S
from node.control.options import DEFAULT_MODEL, Progress
from node.control.schema import ErrorView, Job, ModelInfo
from node.service.model_store import shared_model_store

_NAME = click.argument("name", default=DEFAULT_MODEL)
_STORE = click.option(
    "--store", type=click.Path(path_type=Path, file_okay=False), help="Folder of models; then no node is asked."
)


@click.group(cls=DefaultGroup, default="list")
def models() -> None:
    """List, fetch and verify models.

    \b
    Example:
      neurond models pull
    """


@models.command("list")
@_STORE
@command
def list_models(env: Env, store: Path | None) -> None:
    """List the models of the catalogue and which of them are here.

    \b
    Example:
      neurond models list
    """
    found = _local_models(store) if store else _known_models(env)
    rows = [
        (each.name, each.kind, each.licence, _size(each.size_bytes), _size(each.memory_bytes), each.state,
         f"on {each.provider}" if each.loaded else "-")
        for each in found
    ]  # fmt: skip
    columns = ("name", "kind", "licence", "download", "memory", "state", "loaded")
    env.emit(found, lambda: table(columns, rows, right=("download", "memory"), empty="The catalogue is empty."))


@models.command("pull")
@_NAME
@_STORE
@command
def pull(env: Env, name: str, store: Path | None) -> None:
    """Fetch a model from the first source that has it, check and convert it.

    \b
    Example:
      neurond models pull smollm2-135m-instruct
    """
    job = None if store else _through_node(env, ModelPullRequest(name))
    if job is None:
        _pull_here(name, store or shared_model_store())
    shown = {"name": name, "state": "ready"}
    env.emit(shown, lambda: click.echo(f"{name} is ready."))


@models.command("verify")
@_NAME
@_STORE
@command
def verify(env: Env, name: str, store: Path | None) -> None:
    """Hash a model's files again and compare them with its card.

    \b
    Example:
      neurond models verify
    """
    job = None if store else _through_node(env, ModelVerifyRequest(name))
    if job is None:
        _verify_here(name, store or shared_model_store())
    shown = {"name": name, "state": "ready"}
    env.emit(shown, lambda: click.echo(f"{name} is sound."))


def _known_models(env: Env) -> tuple[ModelInfo, ...]:
    try:
        with SyncClient(env.home) as client:
            return client.call(ModelsRequest())
    except NotRunning:
        return _local_models(shared_model_store())


def _through_node(env: Env, request: ModelPullRequest | ModelVerifyRequest) -> Job | None:
    """Have the running node do it and follow its job; None when no node runs."""
    try:
        with SyncClient(env.home) as client:
            job = client.call(request)
            while job.state == "running":
                show_progress(Progress(job.kind, job.message or job.title, job.done, job.total, job.unit, job.eta_s))
                time.sleep(FOLLOW_PAUSE_MIN_S)
                job = client.call(JobRequest(job.id))
    except NotRunning:
        return None
    if job.state == "failed":
        raise RemoteError(job.error or ErrorView("job_failed", f"{job.title} failed."))
    return job


def _local_models(store: Path) -> tuple[ModelInfo, ...]:
    from models import CATALOGUE, is_ready

    return tuple(
        ModelInfo(
            each.name, each.kind, each.licence, each.size_bytes, each.memory_bytes,
            "ready" if is_ready(each.name, store) else "absent",
        )
        for each in CATALOGUE
    )  # fmt: skip


def _pull_here(name: str, store: Path) -> None:
    import models as catalogue

    def report(step: catalogue.Progress) -> None:
        show_progress(Progress(step.stage, f"{name}: {step.stage}", step.done, step.total, step.unit, step.eta_s))

    catalogue.ensure(name, store, report)


def _verify_here(name: str, store: Path) -> None:
    from models import find_entry, is_ready
    from models.bundle import check_bundle

    find_entry(name)
    if not (store / name).is_dir():
        raise NothingThere(f"The model {name} is not in {store}.", remedy=f"Fetch it: `neurond models pull {name}`.")
    check_bundle(store / name)
    if not is_ready(name, store):
        raise NothingThere(f"{name} was made by another version.", remedy=f"Run `neurond models pull {name}`.")


def _size(count_bytes: int) -> str:
    return f"{count_bytes / 1_000_000:,.0f} MB"
