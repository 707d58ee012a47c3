"""`neurond chutes`: models on call. Look for one, call it, deploy one of your own.

A running node is asked; `check` works on a file alone. What is deployed is checked here first, and shown before it is
said to anybody.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
import msgspec

from node.commands.chutes_show import (
    render_card,
    render_list,
    render_outputs,
    render_report,
    render_stats,
    save_pictures,
)
from node.commands.common import Env, command, confirm, facts, home_command, narrate
from node.commands.errors import AlreadyThere, NothingThere
from node.commands.lazy import DefaultGroup
from node.control.amounts import format_amount, parse_price
from node.control.client_sync import SyncClient
from node.control.route_api import ROUTE_TIMEOUT_S, RouteRequest, Verb
from node.subnets.chutes.listing import ChuteInfo, ChuteStats, Deployed

if TYPE_CHECKING:
    from node.subnets.chutes.bundle import Chute, Role
    from node.subnets.chutes.checking import CheckReport

T = TypeVar("T")
_PATH: Final = "/v1/chutes"
_KINDS: Final = (
    "text-generation", "embedding", "image-generation", "classification", "detection", "speech", "tensor",
)  # fmt: skip
_SORTS: Final = ("name", "price", "calls", "latency")
_FILE_BYTES_MAX: Final = 64 * 1024  # of chute.json
_INPUT_BYTES_MAX: Final = 8 * 1024 * 1024
_NAME = click.argument("name", metavar="NAME|ID")
_BUNDLE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
_FILES = click.option(
    "--files",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of its model files. Default: FILE's own.",
)
_YES = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


@click.group(cls=DefaultGroup, default="list")
def chutes() -> None:
    """Models on call: declared ONNX bundles that miners run and validators verify.

    \b
    Examples:
      neurond chutes list --kind embedding
      neurond chutes call magika --bytes report.pdf
    """


@chutes.command("list")
@click.option("--kind", type=click.Choice(_KINDS), help="Of this kind only.")
@click.option("--query", "-q", default="", help="Words in the name or the description.")
@click.option("--sort", type=click.Choice(_SORTS), default="name", show_default=True)
@command
def list_chutes(env: Env, kind: str | None, query: str, sort: str) -> None:
    """List the chutes of the network.

    \b
    Example:
      neurond chutes list --sort price --json
    """
    words = [("sort", sort), *([("kind", kind)] if kind else []), *([("q", query)] if query else [])]
    found = _asked(env, "GET", _PATH, list[ChuteInfo], query=tuple(words))
    env.emit(found, lambda: render_list(found))


@chutes.command("show")
@_NAME
@command
def show(env: Env, name: str) -> None:
    """Show a chute: what it takes and gives, its price, who keeps it warm, what this node saw of it.

    \b
    Example:
      neurond chutes show magika
    """
    from node.subnets.chutes.shop import ChuteCard

    card = _asked(env, "GET", f"{_PATH}/{_piece(name)}", ChuteCard)
    stats = _asked(env, "GET", f"{_PATH}/{card.info.id}/stats", ChuteStats)
    shown = {"info": card.info, "chute": card.chute, "warm": card.warm, "stats": stats}

    def render() -> None:
        render_card(card)
        render_stats(stats)

    env.emit(shown, render)


@chutes.command("check")
@_BUNDLE
@_FILES
@home_command
def check(env: Env, file: Path, files: Path | None) -> None:
    """Check a bundle by every rule, without a node. Exit code 1 when one fails.

    \b
    Example:
      neurond chutes check ./chute.json
    """
    chute, report = _checked(file, files)
    env.emit(report, lambda: render_report(chute, report))
    _refuse(report)


@chutes.command("deploy")
@_BUNDLE
@_FILES
@click.option("--dry-run", is_flag=True, help="Check and show, and do nothing.")
@_YES
@command
def deploy(env: Env, file: Path, files: Path | None, dry_run: bool, yes: bool) -> None:
    """Check a bundle, show what it would be, and write it into this node's journal for everybody.

    There is no fee beyond the seat: the number of chutes of a seat is bounded instead.

    \b
    Examples:
      neurond chutes deploy ./chute.json --dry-run
      neurond chutes deploy ./chute.json --yes
    """
    chute, report = _checked(file, files)
    _refuse(report)
    if dry_run:
        return env.emit(report, lambda: _preview(chute, report))
    if not env.json:
        _preview(chute, report)
    confirm(f"Deploy {chute.name}?", yes=yes)
    _keep_files(env, chute, files or file.parent)
    done = _asked(env, "POST", _PATH, Deployed, {"chute": chute})
    told = f"{done.name} is deployed: {done.id}. {done.chutes_left} more fit this seat."
    return env.emit(done, lambda: click.echo(told))


@chutes.command("call")
@_NAME
@click.option("--inputs", type=click.File("rb"), help='JSON list of inputs in the Open Inference form; "-": piped in.')
@click.option("--text", "texts", multiple=True, help="For a chute that reads texts. May be repeated.")
@click.option("--picture", type=click.Path(path_type=Path, dir_okay=False), help="A PNG file, for one that sees.")
@click.option("--bytes", "content", type=click.Path(path_type=Path, dir_okay=False), help="A file, read as it is.")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), help="For a chute that begins with noise.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the picture here.")
@command
def call(
    env: Env,
    name: str,
    inputs: Any,
    texts: tuple[str, ...],
    picture: Path | None,
    content: Path | None,
    seed: int | None,
    out: Path | None,
) -> None:
    """Have a miner run a chute on an input.

    \b
    Examples:
      neurond chutes call all-minilm-l6-v2 --text "a cat" --text "a dog" --json
      neurond chutes call edges --picture photo.png --out edges.png
    """
    from node.commands.chutes_inputs import inputs_of
    from node.control.chute_inputs import SidesCard
    from node.subnets.chutes.requests import InferReply

    if out is not None and out.exists():
        raise AlreadyThere(f"{out} exists already.")
    if inputs is not None:
        given = _numbers(inputs.read(_INPUT_BYTES_MAX))
    else:
        card = _asked(env, "GET", f"{_PATH}/{_piece(name)}", SidesCard)
        given = inputs_of(card.chute, texts=texts, picture=picture, content=content, seed=seed)
    reply = _asked(env, "POST", f"{_PATH}/{_piece(name)}/infer", InferReply, {"inputs": given})
    written = save_pictures(reply, out)
    env.emit(reply, lambda: render_outputs(reply, written))


def _numbers(text: bytes) -> object:
    """What --inputs names, as JSON; the node looks at what it says. Raises UsageError."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise click.UsageError(f"What --inputs names is no JSON: {error}.") from error


@chutes.command("warm")
@_NAME
@command
def warm(env: Env, name: str) -> None:
    """Have a miner load a chute and prove that it holds its model.

    \b
    Example:
      neurond chutes warm magika
    """
    from node.subnets.chutes.calls import Warm

    found = _asked(env, "POST", f"{_PATH}/{_piece(name)}/warmup", Warm)
    env.emit(found, lambda: click.echo(f"{name} is warm at {found.miner}."))


@chutes.command("price")
@_NAME
@click.argument("amount")
@command
def price(env: Env, name: str, amount: str) -> None:
    """Recommend another price for a chute of your own: AMOUNT of τ for a million units.

    \b
    Example:
      neurond chutes price my-model 0.002
    """
    rao = parse_price(amount)
    found = _asked(env, "PUT", f"{_PATH}/{_piece(name)}", ChuteInfo, {"price_rao": rao})
    told = f"{found.name} costs {format_amount(found.price_rao)} for a million units from now on."
    env.emit(found, lambda: click.echo(told))


@chutes.command("retire")
@_NAME
@_YES
@command
def retire(env: Env, name: str, yes: bool) -> None:
    """Withdraw a chute of your own; the same bundle cannot come back soon.

    \b
    Example:
      neurond chutes retire my-model
    """
    confirm(f"Retire {name}? Miners drop it, callers are told that it is gone.", yes=yes)
    found = _asked(env, "DELETE", f"{_PATH}/{_piece(name)}", ChuteInfo)
    env.emit(found, lambda: click.echo(f"{found.name} is retired."))


# --- asking the node ------------------------------------------------------------------------------------------------


def _asked(
    env: Env, method: Verb, path: str, kind: type[T], body: object = None, *, query: tuple[tuple[str, str], ...] = ()
) -> T:
    """The door's answer as `kind`. Raises RemoteError, NotRunning."""
    text = "" if body is None else msgspec.json.encode(body).decode()
    with SyncClient(env.home, timeout_s=ROUTE_TIMEOUT_S) as client:
        return msgspec.json.decode(client.call(RouteRequest(method, path, query, text)).body, type=kind)


def _piece(name: str) -> str:
    """A name as a piece of a path."""
    if not name or len(name) > 64 or not name.isascii() or "/" in name or not name.isprintable():
        raise click.UsageError("A chute is named by its id, or by up to 64 letters, digits and .-_ without a slash.")
    return name


# --- files ----------------------------------------------------------------------------------------------------------


def _checked(file: Path, files: Path | None) -> "tuple[Chute, CheckReport]":
    """The bundle and what is wrong with it. Raises NothingThere, BadChute for what is no bundle at all."""
    from node.subnets.chutes.bundle import read_chute
    from node.subnets.chutes.checking import check_bundle

    try:
        with file.open("rb") as opened:
            raw = opened.read(_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise NothingThere(f"{file} cannot be read: {error.strerror}.", remedy="Name a chute.json.") from error
    chute = read_chute(raw)
    narrate("checking the graph in a process of its own")
    return chute, check_bundle(chute, _paths(chute, files or file.parent))


def _paths(chute: "Chute", folder: Path) -> "dict[Role, Path]":
    """The files of the bundle in a folder or in the store of models, known by their hashes."""
    from models.bundle import sha256_of
    from node.subnets.chutes.files import HOUSE_FOLDER, catalogue_name

    found: dict[Role, Path] = {}
    for file in chute.files:
        places = [folder, HOUSE_FOLDER]
        name = catalogue_name(file)
        if name is not None:
            from node.service.model_store import shared_model_store

            places.append(shared_model_store() / name)
        near = [path for place in places if place.is_dir() for path in sorted(place.iterdir()) if path.is_file()]
        fits = (path for path in near if path.stat().st_size == file.size and sha256_of(path) == file.sha256)
        path = next(fits, None)
        if path is not None:
            found[file.role] = path
    return found


def _keep_files(env: Env, chute: "Chute", folder: Path) -> None:
    """Copy the files to where this node's chutes lie; it gives them to others from there."""
    from node.subnets.chutes.files import FILES, catalogue_name

    target = env.home / "subnets" / "chutes" / FILES
    paths = _paths(chute, folder)
    for file in chute.files:
        if catalogue_name(file) is None and not (target / file.sha256).exists():
            target.mkdir(mode=0o700, parents=True, exist_ok=True)
            unfinished = target / f"{file.sha256}.copying"
            shutil.copyfile(paths[file.role], unfinished)
            unfinished.replace(target / file.sha256)


def _refuse(report: "CheckReport") -> None:
    from node.subnets.chutes.errors import BadChute

    if report.failed:
        raise BadChute(report.failed)


def _preview(chute: "Chute", report: "CheckReport") -> None:
    share = f"{chute.creator_share_percent} % of what callers pay for it; miners' nodes pay it out, no rule forces them"
    facts(
        [
            ("name", chute.name),
            ("id", report.id),
            ("kind", chute.kind),
            ("work", f"{report.macs or chute.macs} multiply-accumulates"),
            ("memory", f"{report.memory_mb} MB in the check, {chute.needs.ram_mb} MB declared"),
            ("price", f"{format_amount(chute.price_rao)} for a million units"),
            ("creator", share),
            ("fee", "none; the seat is the price of admission"),
        ]
    )
