"""`neurond models`: what this build can run, fetching it, checking it, measuring it, and bringing one's own.

A running node is asked to fetch and to verify; without one, and for everything else, the work is done right here on
this user's model store.
"""

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.commands.common import Env, command, confirm, facts, narrate, show_progress, table
from node.commands.errors import Declined, NothingThere
from node.commands.lazy import DefaultGroup
from node.commands.options import Number
from node.control.api import JobRequest, ModelPullRequest, ModelsRequest, ModelVerifyRequest
from node.control.client_sync import SyncClient
from node.control.errors import NotRunning, RemoteError
from node.control.limits import FOLLOW_PAUSE_MIN_S
from node.control.options import DEFAULT_MODEL, Progress
from node.control.schema import ErrorView, Job, ModelInfo
from node.service.model_store import shared_model_store

if TYPE_CHECKING:
    import models as catalogue
    from models.report import Report
    from node.commands.model_rows import ModelDetails, ModelRow

_NAME = click.argument("name", default=DEFAULT_MODEL)
_NAMED = click.argument("name")
_STORE = click.option(
    "--store", type=click.Path(path_type=Path, file_okay=False), help="Folder of models; then no node is asked."
)


@click.group(cls=DefaultGroup, default="list")
def models() -> None:
    """List, fetch, verify, measure and import models.

    \b
    Example:
      neurond models pull
    """


@models.command("list")
@_STORE
@command
def list_models(env: Env, store: Path | None) -> None:
    """List the models of the catalogue and your own: what they cost, whether they fit here, and how fast they are.

    \b
    Example:
      neurond models list
    """
    from node.commands.model_rows import rows

    found = rows(store or shared_model_store(), {} if store else _running_models(env))
    shown = [
        (each.name, each.kind, each.licence, _size(each.size_bytes), _size(each.memory_bytes), each.fits, each.state,
         _speed(each), f"on {each.provider}" if each.loaded else "-")
        for each in found
    ]  # fmt: skip
    columns = ("name", "kind", "licence", "download", "memory", "fits", "state", "speed here", "loaded")
    right = ("download", "memory", "speed here")
    env.emit(found, lambda: table(columns, shown, right=right, empty="The catalogue is empty."))


@models.command("show")
@_NAME
@_STORE
@command
def show(env: Env, name: str, store: Path | None) -> None:
    """Show everything about a model: files and hashes, sources, inputs and outputs, cost, memory, check report.

    \b
    Example:
      neurond models show all-minilm-l6-v2
    """
    from node.commands.model_details import details

    found = details(name, store or shared_model_store(), {} if store else _running_models(env))
    env.emit(found, lambda: _show(found))


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
    folder = store or shared_model_store()
    job = None if store or _is_own(name, folder) else _through_node(env, ModelVerifyRequest(name))
    if job is None:
        _verify_here(name, folder)
    shown = {"name": name, "state": "ready"}
    env.emit(shown, lambda: click.echo(f"{name} is sound."))


@models.command("bench")
@_NAME
@_STORE
@click.option("--seconds", type=Number(0.1, 600), default=3.0, show_default=True, help="How long to run it.")
@command
def bench(env: Env, name: str, store: Path | None, seconds: float) -> None:
    """Run a model for some seconds on this machine and keep its speed for `neurond models list`.

    \b
    Example:
      neurond models bench all-minilm-l6-v2
    """
    from models.bench import measure
    from models.library import write_speed

    folder = store or shared_model_store()
    bundle = _present(name, folder)
    speed = measure(bundle, _reporter(name), seconds=seconds)
    write_speed(folder, name, speed)
    text = f"{name}: {speed.value:,.1f} {speed.unit} on {speed.provider}, one request at a time."
    env.emit({"name": name, "speed": speed}, lambda: click.echo(text))


@models.command("rm")
@_NAMED
@_STORE
@click.option("--yes", is_flag=True, help="Do not ask.")
@command
def remove_model(env: Env, name: str, store: Path | None, yes: bool) -> None:
    """Delete a model from the store. One of the catalogue can be fetched again; your own is gone.

    \b
    Example:
      neurond models rm open-nsfw
    """
    from models.library import remove

    folder = store or shared_model_store()
    if not (folder / name).is_dir() or name != Path(name).name:
        raise NothingThere(f"The model {name} is not in {folder}.", remedy="`neurond models list` shows what there is.")
    info = None if store else _running_models(env).get(name)
    if info is not None and info.loaded:
        raise Declined(f"The running node works with {name}.", remedy="End its role first: `neurond role off`.")
    confirm(f"Delete {name} from {folder}?", yes=yes)
    freed = remove(name, folder)
    env.emit(
        {"name": name, "freed_bytes": freed}, lambda: click.echo(f"{name} is gone; {_size(freed)} are free again.")
    )


@models.command("import")
@click.argument("path", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", "name", help="What to call it. Default: from the file's name.")
@click.option("--licence", default="unknown", show_default=True, help="Terms that the model is under.")
@click.option("--title", default="", help="A line for people.")
@click.option("--dim", "dims", multiple=True, metavar="NAME=SIZE", help="A free dimension that works at one size only.")
@_STORE
@command
def import_model(
    env: Env, path: Path, name: str | None, licence: str, title: str, dims: tuple[str, ...], store: Path | None
) -> None:
    """Check a model of your own and put it into the store: an ONNX graph, or a GGUF file of the llama family.

    The check runs in a process of its own, by every rule of import; nothing of the file runs anywhere else before.

    \b
    Example:
      neurond models import detector.onnx --licence MIT --dim batch=1
    """
    from models.library import import_gguf, import_onnx, is_gguf

    folder, chosen = store or shared_model_store(), name or _name_of(path)
    if is_gguf(path):
        card = import_gguf(path, chosen, folder, licence=licence, progress=_reporter(chosen))
        env.emit(card, lambda: click.echo(f"{chosen} is ready: a text model of {card.context} tokens."))
        return
    narrate(f"Checking {path.name} in a process of its own …")
    made = import_onnx(path, chosen, folder, licence=licence, title=title, dims=_dims(dims))
    env.emit(made, lambda: _show_import(chosen, made.report))


def _running_models(env: Env) -> dict[str, ModelInfo]:
    """What a running node says of the catalogue, by name; nothing when none runs."""
    try:
        with SyncClient(env.home) as client:
            return {each.name: each for each in client.call(ModelsRequest())}
    except NotRunning:
        return {}


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


def _reporter(name: str) -> "catalogue.sources.Report":
    def report(step: "catalogue.Progress") -> None:
        show_progress(Progress(step.stage, f"{name}: {step.stage}", step.done, step.total, step.unit, step.eta_s))

    return report


def _pull_here(name: str, store: Path) -> None:
    import models as catalogue

    catalogue.ensure(name, store, _reporter(name))


def _is_own(name: str, store: Path) -> bool:
    """Whether the store holds an import of this name."""
    from models import CATALOGUE
    from models.memory import has_manifest

    return not any(entry.name == name for entry in CATALOGUE) and name == Path(name).name and has_manifest(store / name)


def _present(name: str, store: Path) -> Path:
    """The folder of a model that is here. Raises NothingThere, UnsupportedModel."""
    from models import find_entry

    if not _is_own(name, store):
        find_entry(name)
    if not (store / name).is_dir():
        raise NothingThere(f"The model {name} is not in {store}.", remedy=f"Fetch it: `neurond models pull {name}`.")
    return store / name


def _verify_here(name: str, store: Path) -> None:
    from models import is_ready
    from models.bundle import check_bundle
    from models.card import TensorCard, check_tensor_bundle
    from models.library import read_any_card

    bundle = _present(name, store)
    own = _is_own(name, store)
    tensors = isinstance(read_any_card(bundle), TensorCard) if own else _kind(name) != "text"
    (check_tensor_bundle if tensors else check_bundle)(bundle)
    if not own and not is_ready(name, store):
        raise NothingThere(f"{name} was made by another version.", remedy=f"Run `neurond models pull {name}`.")


def _kind(name: str) -> str:
    from models import find_entry

    return find_entry(name).kind


def _name_of(path: Path) -> str:
    """A name for the store from a file's name; that of the folder for files that are all called alike."""
    stem = path.absolute().parent.name if path.stem.lower() in ("model", "model_quantized") else path.stem
    return re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-._")[:63]


def _dims(texts: Sequence[str]) -> dict[str, int]:
    found = {}
    for text in texts:
        name, _, size = text.partition("=")
        if not name or not size.isascii() or not size.isdigit():
            raise click.BadParameter(f"{text!r} is not NAME=SIZE, as in batch=1", param_hint="--dim")
        found[name] = int(size)
    return found


def _show(found: "ModelDetails") -> None:
    row = found.model
    state = row.state + (f", loaded on {row.provider}" if row.loaded else "")
    lines: list[tuple[str, object]] = [
        ("name", row.name), ("title", row.title), ("kind", row.kind), ("origin", row.origin), ("licence", row.licence),
        ("state", state), ("model id", row.sha256), ("folder", found.folder), ("download", _size(row.size_bytes)),
        ("memory", f"{_size(row.memory_bytes)}; free here {_size(found.free_memory_bytes)}, models may take "
                   f"{_size(found.budget_bytes)}: fits {row.fits}"),
        ("graphics card", "none found" if found.gpu_memory_bytes is None
                          else f"{_size(found.gpu_free_bytes or 0)} free of {_size(found.gpu_memory_bytes)}"),
        ("speed here", _speed(row) if row.speed is None
                       else f"{_speed(row)} on {row.speed_provider}, measured {row.measured_at}"),
    ]  # fmt: skip
    if found.macs is not None:
        lines.append(("cost", f"{found.macs} multiply-accumulates"))
    facts(lines)
    _show_tensors(found)
    click.echo()
    files = [(each.file, _size(each.size_bytes), each.sha256, "; ".join(each.sources) or "-") for each in found.files]
    table(("file", "size", "SHA-256", "sources"), files, right=("size",), empty="")


def _show_tensors(found: "ModelDetails") -> None:
    ports = [
        (way, each.name, each.dtype, " x ".join(map(str, each.shape)) or "scalar")
        for way, specs in (("in", found.inputs), ("out", found.outputs))
        for each in specs
    ]
    if ports:
        click.echo()
        table(("", "tensor", "type", "shape"), ports, empty="")


def _show_import(name: str, report: "Report | None") -> None:
    if report is not None:
        operators = sum(report.operators.values())
        trial = ", ".join(f"{key}={size}" for key, size in {**report.pinned, **report.trial}.items())
        facts([
            ("operators", f"{operators:,} nodes of {len(report.operators)} kinds, operator set {report.opset}"),
            ("parameters", f"{report.parameters:,}"), ("size", _size(report.size_bytes)),
            ("cost", f"{report.macs} multiply-accumulates"),
            ("trial run", f"{trial or 'fixed sizes'}, {_size(report.memory_bytes)} of memory"),
            ("model id", report.sha256),
        ])  # fmt: skip
    click.echo(f"{name} keeps every rule of import and is ready.")


def _speed(row: "ModelRow") -> str:
    return "-" if row.speed is None else f"{row.speed:,.1f} {row.speed_unit}"


def _size(count_bytes: int) -> str:
    return f"{count_bytes / 1_000_000:,.0f} MB" if count_bytes >= 10_000_000 else f"{count_bytes / 1_000_000:,.1f} MB"
