"""Requests and replies of the subnet's doors for users. Forms only: names of sources as words, times as ISO 8601."""

from typing import Final

import msgspec

from node.market.errors import BadRequest, MalformedMessage
from node.subnets.data_universe.anonymise import iso_of
from node.subnets.data_universe.entities import Entity, Source, label_of
from node.subnets.data_universe.fetching import minute_of
from node.subnets.data_universe.limits import LIMIT_DEFAULT, LIMIT_MAX, QUERY_CHARS_MAX, TASK_DAYS
from node.subnets.data_universe.messages import plain
from storage.entities_rows import EntityQuery

SOURCES: Final = {source.name.lower(): source for source in Source}


class Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A request; unknown fields are refused by name."""


class LabelsRequest(Form, frozen=True):
    source: str = ""
    limit: int = LIMIT_DEFAULT


class QueryRequest(Form, frozen=True):
    """`q` are words; `cursor` is what the page before gave."""

    source: str = ""
    label: str = ""
    q: str = ""
    start: str = ""
    end: str = ""
    limit: int = LIMIT_DEFAULT
    cursor: int | None = None


class OnDemandRequest(Form, frozen=True):
    """What miners shall find."""

    source: str = ""
    label: str = ""
    usernames: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    url: str = ""
    mode: str = "any"
    start: str = ""
    end: str = ""
    limit: int = LIMIT_DEFAULT


class OrderRequest(Form, frozen=True):
    """A standing order; kept for so many days."""

    labels: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    days: int = TASK_DAYS


class IdRequest(Form, frozen=True):
    id: str


class DatasetRequest(Form, frozen=True):
    """A data set to build of what this node holds; `publish` gives it to everybody."""

    name: str
    source: str = ""
    label: str = ""
    q: str = ""
    start: str = ""
    end: str = ""
    limit: int = 1_000_000
    licence: str = "other"
    publish: bool = False


class WishForm(Form, frozen=True):
    """Data that is wanted; hours as ISO 8601, empty for open."""

    label: str
    weight: float
    start: str = ""
    end: str = ""


class WishesRequest(Form, frozen=True):
    wishes: tuple[WishForm, ...]


# --- replies --------------------------------------------------------------------------------------------------------


class RowView(msgspec.Struct, frozen=True):
    """A row as users see it."""

    uri: str
    source: str
    label: str
    datetime: str
    username: str
    content: str


class RowsReply(msgspec.Struct, frozen=True):
    """Rows, and where the next page begins if there is one."""

    rows: tuple[RowView, ...]
    cursor: int | None = None


class LabelView(msgspec.Struct, frozen=True):
    source: str
    label: str
    rows: int
    bytes: int
    first: str
    last: str


class SourceView(msgspec.Struct, frozen=True):
    source: str
    rows: int
    bytes: int


class Stats(msgspec.Struct, frozen=True):
    """What this node holds and what it knows of everybody's indexes.

    `rows` and `bytes` (that count) are of the last promise, or of what is there before the first; `rows_here` are all.
    """

    rows_here: int
    rows: int
    bytes: int
    disk_bytes: int
    labels: int
    sources: tuple[SourceView, ...]
    rows_by_day: tuple[int, ...]  # the last thirty days, today last
    network_miners: int
    network_rows: int
    network_bytes: int
    paused: str


class AgeView(msgspec.Struct, frozen=True):
    """Rows of one age in days."""

    days: int
    rows: int
    bytes: int


class OrderView(msgspec.Struct, frozen=True):
    id: str
    labels: tuple[str, ...]
    keywords: tuple[str, ...]
    until: str
    rows: int  # that this node holds now


class JobView(msgspec.Struct, frozen=True):
    """A wish with what it counts: 1 to 5 among all, a share of one author's."""

    label: str
    weight: float
    start: str
    end: str


class Desirability(msgspec.Struct, frozen=True):
    """What counts now, and what this node's own key wished for."""

    jobs: tuple[JobView, ...]
    own: tuple[JobView, ...]


# --- conversions ----------------------------------------------------------------------------------------------------


def source_of(name: str) -> Source | None:
    """The source of that name; None for "" (any). Raises BadRequest, naming those there are."""
    if not name:
        return None
    if name.lower() not in SOURCES:
        raise BadRequest(f"There is no source {name[:40]!r}; known are {', '.join(SOURCES)}.", param="source")
    return SOURCES[name.lower()]


def time_of(text: str, param: str) -> int | None:
    """Minutes since 1970 of a time; None for "". Raises BadRequest."""
    if not text:
        return None
    minute = minute_of(text)
    if minute is None:
        raise BadRequest(f"{param} is no time; write it as 2024-01-31 or 2024-01-31T12:00Z.", param=param)
    return minute


def words_of(text: str) -> tuple[str, ...]:
    """The words of a question. Raises BadRequest."""
    if len(text) > QUERY_CHARS_MAX:
        raise BadRequest(f"q has at most {QUERY_CHARS_MAX} characters.", param="q")
    return tuple(plain(text).split())


def limit_of(limit: int, most: int = LIMIT_MAX) -> int:
    """A number of rows. Raises BadRequest."""
    if not 1 <= limit <= most:
        raise BadRequest(f"limit is 1 to {most}.", param="limit")
    return limit


def named_label(text: str) -> str:
    """A label in its normal form. Raises BadRequest."""
    try:
        return label_of(text)
    except MalformedMessage as error:
        raise BadRequest(error.message, param="label") from error


def query_of(
    *, source: str, label: str, q: str, start: str, end: str, limit: int, most: int = LIMIT_MAX,
    cursor: int | None = None,
) -> EntityQuery:  # fmt: skip
    """A question to this node's own store; all words must be there. Raises BadRequest."""
    begin, until = time_of(start, "start"), time_of(end, "end")
    if begin is not None and until is not None and begin >= until:
        raise BadRequest("start must be before end.", param="start")
    return EntityQuery(
        source=source_of(source), label=named_label(label) or None, words=words_of(q), all_words=True, start=begin,
        end=until, limit=limit_of(limit, most), before=cursor,
    )  # fmt: skip


def view_of(entity: Entity) -> RowView:
    """A row as users see it."""
    return RowView(
        entity.uri, entity.source.name.lower(), entity.label, iso_of(entity.minute), entity.author, entity.content
    )  # fmt: skip


def hour_iso(hour: int | None) -> str:
    """An hour since 1970 as ISO 8601; "" for none."""
    return iso_of(60 * hour) if hour else ""
