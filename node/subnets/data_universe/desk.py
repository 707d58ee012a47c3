"""What this node tells its own user about the subnet's data: one method a door. Used by HTTP routes and commands.

Reads the node's own rows and what it knows of everybody; only `build`, `order` and `wish` change anything.
"""

import io
import secrets
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from node.market.errors import BadRequest, MalformedMessage, NotFound, TooLarge
from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.subnets.base import Host, View
from node.subnets.data_universe import forms
from node.subnets.data_universe.anonymise import iso_of
from node.subnets.data_universe.entities import Source
from node.subnets.data_universe.exporting import Exported, Tell, export
from node.subnets.data_universe.ledger import indexes_of, jobs_of
from node.subnets.data_universe.limits import DATASETS_MAX, JOBS_PER_AUTHOR_MAX, TASK_DAYS, TASKS_MAX
from node.subnets.data_universe.messages import DATASET_KIND, JOBS_KIND, MICRO, DatasetNote, JobsNote, Wish
from node.subnets.data_universe.settings import StandingOrder, read_settings, read_status, write_settings
from node.subnets.data_universe.shelf import entity_of
from storage.entities import EntityStore
from storage.entities_rows import EntityQuery
from storage.entities_search import search

DATASETS: Final = "datasets"
_BOOK: Final = "datasets.json"
_MS_PER_DAY: Final = 86_400_000
_DAYS: Final = 30
_PUBLISHED_BYTES_MAX: Final = 256 * 1024 * 1024


# --- looking --------------------------------------------------------------------------------------------------------


def stats(store: EntityStore, folder: Path, now_hour: int, view: View | None = None) -> forms.Stats:
    """Totals. Without a view nothing is said of the network."""
    by_hour = store.rows_by_hour()
    sums: dict[int, tuple[int, int]] = {}
    for number, _, rows, size in by_hour:
        known = sums.get(number, (0, 0))
        sums[number] = (known[0] + rows, known[1] + size)
    sources = [forms.SourceView(Source(number).name.lower(), *sums[number]) for number in sorted(sums)]
    days = [0] * _DAYS
    for _, hour, rows, _ in by_hour:
        age = (now_hour - hour) // 24
        if 0 <= age < _DAYS:
            days[_DAYS - 1 - age] += rows
    notes = [] if view is None else [k[-1].note for n in view.neurons if (k := indexes_of(view.state, n.hotkey))]
    return forms.Stats(
        rows_here=store.count(),
        rows=sum(row[2] for row in by_hour),
        bytes=sum(row[3] for row in by_hour),
        disk_bytes=store.database.size_bytes(),
        labels=len(store.labels(limit=1_000_000)),
        sources=tuple(sources),
        rows_by_day=tuple(days),
        network_miners=len(notes),
        network_rows=sum(note.rows for note in notes),
        network_bytes=sum(note.total for note in notes),
        paused=read_status(folder).paused,
    )


def labels(store: EntityStore, source: str, limit: int) -> list[forms.LabelView]:
    """What is held of each label, largest first. Raises BadRequest."""
    chosen = forms.source_of(source)
    found = store.labels(None if chosen is None else int(chosen), forms.limit_of(limit))
    return [
        forms.LabelView(
            Source(each.source).name.lower(), each.label, each.rows, each.size, forms.hour_iso(each.first_hour),
            forms.hour_iso(each.last_hour),
        )
        for each in found
    ]  # fmt: skip


def ages(store: EntityStore, now_hour: int) -> list[forms.AgeView]:
    """How old what is held is, by whole days."""
    sums: dict[int, tuple[int, int]] = {}
    for _, hour, rows, size in store.rows_by_hour():
        day = max(0, now_hour - hour) // 24
        known = sums.get(day, (0, 0))
        sums[day] = (known[0] + rows, known[1] + size)
    return [forms.AgeView(day, *sums[day]) for day in sorted(sums)]


def query(store: EntityStore, asked: EntityQuery) -> forms.RowsReply:
    """A page of rows, newest first."""
    found = search(store, asked)
    cursor = found[-1].id if len(found) == asked.limit else None
    return forms.RowsReply(tuple(forms.view_of(entity_of(each.row)) for each in found), cursor)


# --- standing orders ------------------------------------------------------------------------------------------------


def orders(store: EntityStore, folder: Path, now_ms: int) -> list[forms.OrderView]:
    """The standing orders that still run, with how many rows there are of each."""
    running = [order for order in read_settings(folder).orders if order.until_ms > now_ms]
    return [
        forms.OrderView(
            order.id, order.labels, order.keywords, iso_of(order.until_ms // 60_000), _rows_for(store, order)
        )
        for order in running
    ]


def order(folder: Path, labels_: Sequence[str], keywords: Sequence[str], days: int, now_ms: int) -> str:
    """Place a standing order and return its id. Raises BadRequest."""
    if not labels_ and not keywords:
        raise BadRequest("A standing order names labels or keywords.", param="labels")
    if not 1 <= days <= TASK_DAYS:
        raise BadRequest(f"A standing order runs 1 to {TASK_DAYS} days.", param="days")
    if len(labels_) + len(keywords) > TASKS_MAX:
        raise BadRequest(f"A standing order has at most {TASKS_MAX} labels and keywords.", param="labels")
    for word in keywords:
        forms.words_of(word)
    settings = read_settings(folder)
    left = tuple(each for each in settings.orders if each.until_ms > now_ms)
    if len(left) >= TASKS_MAX:
        raise BadRequest(f"At most {TASKS_MAX} standing orders run at a time.", param="labels")
    made = StandingOrder(
        secrets.token_hex(8), tuple(map(forms.named_label, labels_)), tuple(keywords), now_ms + days * _MS_PER_DAY
    )
    write_settings(folder, msgspec.structs.replace(settings, orders=(*left, made)))
    return made.id


def cancel(folder: Path, name: str) -> None:
    """End a standing order. Raises NotFound."""
    settings = read_settings(folder)
    left = tuple(each for each in settings.orders if each.id != name)
    if len(left) == len(settings.orders):
        raise NotFound(f"There is no standing order {name[:40]!r}.", param="id")
    write_settings(folder, msgspec.structs.replace(settings, orders=left))


def _rows_for(store: EntityStore, order_: StandingOrder) -> int:
    ids: set[int] = set()
    for label in order_.labels or (None,):
        ids.update(each.id for each in search(store, EntityQuery(label=label, words=order_.keywords, limit=1000)))
    return len(ids)


# --- data sets ------------------------------------------------------------------------------------------------------


class _Book(msgspec.Struct, frozen=True):
    sets: tuple[Exported, ...] = ()


def datasets(folder: Path) -> tuple[Exported, ...]:
    """The data sets that were built here and are still there."""
    try:
        book = msgspec.json.decode((folder / _BOOK).read_bytes(), type=_Book)
    except (FileNotFoundError, msgspec.MsgspecError):
        return ()
    return tuple(each for each in book.sets if Path(each.folder).is_dir())


def dataset(folder: Path, name: str) -> Exported:
    """One of them. Raises NotFound."""
    found = next((each for each in datasets(folder) if each.id == name), None)
    if found is None:
        raise NotFound(f"There is no data set {name[:40]!r}.", param="id")
    return found


def build(
    store: EntityStore, folder: Path, target: Path | None, asked: EntityQuery, name: str, licence: str,
    tell: Tell = lambda _done, _of: None,
) -> Exported:  # fmt: skip
    """Build a data set into `target`, or among this node's own. Raises BadRequest, ExportFailed."""
    known = datasets(folder)
    if len(known) >= DATASETS_MAX:
        raise BadRequest(f"At most {DATASETS_MAX} data sets are kept; delete the folder of one.", param="name")
    where = target or folder / DATASETS / secrets.token_hex(8)
    where.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = export(store, where.absolute(), asked, name=name, licence=licence, tell=tell)
    part = (folder / _BOOK).with_suffix(".part")
    part.write_bytes(msgspec.json.encode(_Book((*known, made))))
    part.replace(folder / _BOOK)
    return made


def packed(made: Exported) -> bytes:
    """A data set as one archive, to be given to others. Raises TooLarge."""
    if made.bytes > _PUBLISHED_BYTES_MAX:
        raise TooLarge(f"A data set of more than {_PUBLISHED_BYTES_MAX >> 20} MB is not given away as one piece.")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in made.files:
            archive.write(Path(made.folder) / file, file)
    return out.getvalue()


async def publish(host: Host, made: Exported, archive: bytes, columns: Sequence[str]) -> DatasetNote:
    """Give a data set to everybody: a blob and a journal entry. Raises MarketError."""
    blob = await host.blobs.put(archive, "application/zip")
    name = digest("du-dataset", made.id.encode()).hex()[:16]
    note = DatasetNote(name, made.rows, blob, tuple(columns))
    await host.journal.append(DATASET_KIND, encode(note))
    return note


# --- desirability ---------------------------------------------------------------------------------------------------


def desirability(host: Host) -> forms.Desirability:
    """What counts now, and what this node's own key wished for."""
    view = host.view()
    counting = tuple(
        forms.JobView(job.label, job.weight, forms.hour_iso(job.start_hour), forms.hour_iso(job.end_hour))
        for job in jobs_of(view)
    )
    own = host.journal.entries(host.hotkey, kind=JOBS_KIND)
    return forms.Desirability(counting, _views(own[-1].body) if own else ())


async def wish(host: Host, wishes: Sequence[forms.WishForm]) -> None:
    """Say in the journal what this node's key wants, in place of what it said before. Raises BadRequest."""
    await host.journal.append(JOBS_KIND, encode(note_of(wishes)))


def note_of(wishes: Sequence[forms.WishForm]) -> JobsNote:
    """Wishes as they travel. Raises BadRequest."""
    if len(wishes) > JOBS_PER_AUTHOR_MAX:
        raise BadRequest(f"At most {JOBS_PER_AUTHOR_MAX} wishes.", param="wishes")
    made: list[Wish] = []
    for each in wishes:
        if not 0 < each.weight <= 1:
            raise BadRequest("A weight is more than 0 and at most 1.", param="weight")
        start, end = forms.time_of(each.start, "start"), forms.time_of(each.end, "end")
        made.append(
            Wish(forms.named_label(each.label), round(each.weight * MICRO), (start or 0) // 60, (end or 0) // 60)
        )
    note = JobsNote(tuple(made))
    try:
        note.check()
    except MalformedMessage as error:
        raise BadRequest(error.message, param="wishes") from error
    return note


def _views(body: bytes) -> tuple[forms.JobView, ...]:
    note = msgspec.msgpack.decode(body, type=JobsNote)
    return tuple(
        forms.JobView(each.label, each.micro / MICRO, forms.hour_iso(each.start_hour), forms.hour_iso(each.end_hour))
        for each in note.wishes
    )
