"""`neurond data`: what this node collects and holds of the subnet Data Universe, searches, data sets, wishes.

Looking and collecting work on the node's own folder, whether it runs or not; what other nodes are needed for goes
through the running node.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click
import msgspec

from node.commands.common import Env, command, facts, narrate, show_progress, table
from node.commands.data_sources import data_folder, now_ms, sources
from node.commands.errors import AlreadyThere, NothingThere
from node.commands.lazy import DefaultGroup
from node.control.client_sync import SyncClient
from node.control.options import Progress
from node.control.route_api import ROUTE_TIMEOUT_S, RouteRequest

if TYPE_CHECKING:
    from node.subnets.data_universe import forms
    from storage.entities import EntityStore

T = TypeVar("T")
_MS_PER_HOUR: Final = 3_600_000
_SOURCE = click.option("--source", default="", help="feed, hn, activity, wiki, web or files. Default: all.")
_LABEL = click.option("--label", default="", help="Only this label.")
_WORDS = click.option("--words", default="", help="Only rows with all of these words.")
_START = click.option("--start", default="", metavar="TIME", help="From then on, such as 2024-01-31.")
_END = click.option("--end", default="", metavar="TIME", help="Up to then.")


@click.group(cls=DefaultGroup, default="stats")
def data() -> None:
    """Collected public text: sources, searches, data sets, and what is wanted.

    \b
    Examples:
      neurond data sources add feed https://example.org/news.rss --label news
      neurond data query volcano
      neurond data export ./volcanoes --name "Volcanoes" --words volcano
    """


data.add_command(sources)


@data.command("collect")
@command
def collect(env: Env) -> None:
    """Read all sources now and take their rows in.

    \b
    Example:
      neurond data collect
    """
    import trio

    from node.subnets.data_universe.collecting import Collector, usual_adapters
    from node.subnets.data_universe.room import Room

    folder = data_folder(env)
    if not folder.is_dir():
        raise NothingThere("There are no sources.", remedy="Add one: neurond data sources add feed URL.")
    room = Room(folder, usual_adapters(folder, now_ms), now_ms)
    try:
        status = trio.run(lambda: Collector(narrate).run(room, all_now=True))
    finally:
        room.close()
    env.emit(status, lambda: narrate(f"{status.rows} rows are here." if status.jobs else "There are no sources."))


# --- looking --------------------------------------------------------------------------------------------------------


@data.command("stats")
@command
def stats(env: Env) -> None:
    """Show what this node holds.

    \b
    Example:
      neurond data stats --json
    """
    from node.subnets.data_universe import desk

    found = _with_store(env, lambda store: desk.stats(store, data_folder(env), now_ms() // _MS_PER_HOUR))

    def show() -> None:
        facts([
            ("rows", f"{found.rows_here} here, {found.rows} counted"), ("bytes", f"{found.bytes} that count"),
            ("on disk", f"{found.disk_bytes / 1e6:.1f} MB"), ("labels", found.labels),
            ("last 30 days", _spark(found.rows_by_day)),
        ])  # fmt: skip
        for each in found.sources:
            click.echo(f"  {each.source:<10}{each.rows:>12} rows {each.bytes:>14} bytes")
        if found.paused:
            narrate(f"Collecting pauses: {found.paused}")

    env.emit(found, show)


@data.command("labels")
@_SOURCE
@click.option("--limit", type=click.IntRange(1, 1000), default=30, show_default=True)
@command
def labels(env: Env, source: str, limit: int) -> None:
    """Show what is held of each label, largest first.

    \b
    Example:
      neurond data labels --source feed
    """
    from node.subnets.data_universe import desk

    found = _with_store(env, lambda store: desk.labels(store, source, limit))
    rows = [(each.source, each.label or "-", each.rows, each.bytes, each.first, each.last) for each in found]
    columns = ("source", "label", "rows", "bytes", "from", "to")
    env.emit(found, lambda: table(columns, rows, right=("rows", "bytes"), empty="Nothing is promised yet."))


@data.command("query")
@click.argument("words", nargs=-1)
@_SOURCE
@_LABEL
@_START
@_END
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--cursor", type=int, help="Where the page before ended.")
@command
def query(
    env: Env, words: tuple[str, ...], source: str, label: str, start: str, end: str, limit: int, cursor: int | None
) -> None:
    """Search this node's own rows for all WORDS, newest first.

    \b
    Example:
      neurond data query volcano iceland --source feed
    """
    from node.subnets.data_universe import desk, forms

    asked = forms.query_of(
        source=source, label=label, q=" ".join(words), start=start, end=end, limit=limit, cursor=cursor
    )  # fmt: skip
    found = _with_store(env, lambda store: desk.query(store, asked), searches=True)
    env.emit(found, lambda: _render_rows(found))


# --- through the running node ---------------------------------------------------------------------------------------


@data.command("ondemand")
@click.argument("keywords", nargs=-1)
@_SOURCE
@_LABEL
@click.option("--user", "users", multiple=True, help="Only rows of this author; may be given ten times.")
@click.option("--url", default="", help="Only the row of this address.")
@click.option("--all", "all_words", is_flag=True, help="All keywords must be there; else one is enough.")
@_START
@_END
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@command
def ondemand(
    env: Env, keywords: tuple[str, ...], source: str, label: str, users: tuple[str, ...], url: str, all_words: bool,
    start: str, end: str, limit: int,
) -> None:  # fmt: skip
    """Have miners find rows with KEYWORDS (five at most). The node must be running.

    \b
    Example:
      neurond data ondemand volcano --limit 50 --json
    """
    from node.subnets.data_universe import forms

    asked = forms.OnDemandRequest(
        source=source, label=label, usernames=users, keywords=keywords, url=url, mode="all" if all_words else "any",
        start=start, end=end, limit=limit,
    )  # fmt: skip
    found = _route(env, "POST", "/v1/data/ondemand", asked, forms.RowsReply)
    env.emit(found, lambda: _render_rows(found))


@data.command("desirability")
@click.argument("wishes", nargs=-1, metavar="[LABEL=WEIGHT]...")
@command
def desirability(env: Env, wishes: tuple[str, ...]) -> None:
    """Show what data is wanted; with LABEL=WEIGHT say what this node's key wants, in place of what it said before.

    Weights are above 0 and sum to 1 at most; wishes of validators count by stake.

    \b
    Examples:
      neurond data desirability
      neurond data desirability volcanoes=0.6 "iceland news=0.4"
    """
    from node.subnets.data_universe import forms

    if wishes:
        asked = forms.WishesRequest(wishes=tuple(map(_wish, wishes)))
        found = _route(env, "POST", "/v1/data/desirability", asked, forms.Desirability)
    else:
        found = _route(env, "GET", "/v1/data/desirability", None, forms.Desirability)
    own = {(each.label, each.start, each.end): each.weight for each in found.own}
    rows = [
        (each.label, f"{each.weight:.2f}", each.start or "-", each.end or "-",
         f"{own[each.label, each.start, each.end]:.2f}" if (each.label, each.start, each.end) in own else "")
        for each in found.jobs
    ]  # fmt: skip
    columns = ("label", "counts", "from", "to", "own wish")
    env.emit(found, lambda: table(columns, rows, right=("counts", "own wish"), empty="Nobody wants anything special."))


# --- data sets ------------------------------------------------------------------------------------------------------


@data.command("export")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--name", required=True, help="The data set's name, as its card shows it.")
@click.option("--licence", default="other", show_default=True, help="As data set cards name it.")
@_SOURCE
@_LABEL
@_WORDS
@_START
@_END
@click.option("--limit", type=click.IntRange(1), default=1_000_000, show_default=True, help="Rows, newest first.")
@command
def export(
    env: Env, folder: Path, name: str, licence: str, source: str, label: str, words: str, start: str, end: str,
    limit: int,
) -> None:  # fmt: skip
    """Write rows as a data set in the Hugging Face layout into the new FOLDER; names and contacts are left out.

    Parquet with the extra `neurond[data]` installed, JSON lines otherwise.

    \b
    Example:
      neurond data export ./volcanoes --name "Volcanoes" --words volcano
    """
    from node.subnets.data_universe import desk, forms
    from node.subnets.data_universe.limits import EXPORT_ROWS_MAX

    if folder.is_dir() and any(folder.iterdir()):
        raise AlreadyThere(f"{folder} holds something already.")
    asked = forms.query_of(
        source=source, label=label, q=words, start=start, end=end, limit=limit, most=EXPORT_ROWS_MAX
    )  # fmt: skip
    began_s = time.monotonic()

    def tell(done: int, of: int) -> None:
        left_s = (time.monotonic() - began_s) / max(1, done) * max(0, of - done)
        show_progress(Progress("rows", "rows", done, of, eta_s=left_s))

    made = _with_store(
        env, lambda store: desk.build(store, data_folder(env), folder, asked, name, licence, tell), searches=True
    )  # fmt: skip

    def show() -> None:
        facts([("folder", made.folder), ("rows", made.rows), ("format", made.format), ("bytes", made.bytes),
               ("from", made.start), ("to", made.end)])  # fmt: skip

    env.emit(made, show)


# --- shared ---------------------------------------------------------------------------------------------------------


def _with_store(env: Env, work: "Callable[[EntityStore], T]", *, searches: bool = False) -> T:
    """Do something with the node's rows. Raises NothingThere when there are none."""
    from node.subnets.data_universe.shelf import DATABASE
    from storage.entities import EntityStore
    from storage.entities_search import make_searchable

    path = data_folder(env) / DATABASE
    if not path.is_file():
        raise NothingThere(
            "This node has collected nothing yet.",
            remedy="Add a source (neurond data sources add feed URL) and run `neurond data collect`.",
        )
    with EntityStore.open(path) if searches else EntityStore.open_to_read(path) as store:
        while searches and make_searchable(store):
            pass
        return work(store)


def _route(env: Env, method: str, path: str, asked: msgspec.Struct | None, kind: type[T]) -> T:
    """What the running node's door answers."""
    body = "" if asked is None else msgspec.json.encode(asked).decode()
    with SyncClient(env.home, timeout_s=ROUTE_TIMEOUT_S) as client:
        reply = client.call(msgspec.convert({"method": method, "path": path, "body": body}, RouteRequest))
    return msgspec.json.decode(reply.body, type=kind)


def _wish(text: str) -> "forms.WishForm":
    from node.subnets.data_universe import forms

    label, mark, weight = text.rpartition("=")
    try:
        return forms.WishForm(label=label, weight=float(weight if mark else "x"))
    except ValueError:
        raise click.BadParameter(f"{text!r} is no wish: write LABEL=WEIGHT, such as volcanoes=0.5") from None


def _render_rows(found: "forms.RowsReply") -> None:
    rows = [(row.datetime, row.source, row.label or "-", row.username or "-", _cut(row.content)) for row in found.rows]
    table(("when", "source", "label", "author", "text"), rows, empty="Nothing was found.")
    if found.cursor is not None:
        narrate(f"More with --cursor {found.cursor}.")


def _cut(text: str, chars: int = 120) -> str:
    return text if len(text) <= chars else f"{text[: chars - 1]}…"


def _spark(numbers: tuple[int, ...]) -> str:
    most = max(numbers, default=0)
    return "".join("▁▂▃▄▅▆▇█"[min(7, 8 * each // (most + 1))] for each in numbers)
