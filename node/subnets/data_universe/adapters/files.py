"""A folder of this machine: text files, CSV tables, mail boxes, JSON lines. For private pools, and for work offline.

A row's address names the pool (the folder's name or the job's label) and the place in it, never a path of this machine.
Links are not followed out of the folder.
"""

import csv
import mailbox
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

import msgspec
import trio

from node.subnets.data_universe.adapters.base import CollectJob, CollectReport, Look, Recheck
from node.subnets.data_universe.entities import Entity, Source, label_from, label_of, make_entity
from node.subnets.data_universe.errors import BadSource, SourceFailed
from node.subnets.data_universe.fetching import decoded_text, minute_of
from node.subnets.data_universe.limits import (
    AUTHOR_CHARS_MAX,
    CONTENT_CHARS_MAX,
    FILE_BYTES_MAX,
    FILES_PER_FOLDER_MAX,
    ITEMS_PER_COLLECT_MAX,
    LABEL_CHARS_MAX,
)
from node.subnets.data_universe.markup import html_text

SCHEME: Final = "files://"
ENDINGS: Final = frozenset({".txt", ".md", ".csv", ".mbox", ".jsonl"})
_TEXT: Final = ("text", "content", "body", "message")
_WHEN: Final = ("datetime", "date", "timestamp", "created_at", "time")
_WHO: Final = ("author", "username", "user", "from")
_BATCH: Final = 500


class _Record(msgspec.Struct, frozen=True):
    """What a file says of one row."""

    text: str
    when: str = ""
    author: str = ""
    label: str = ""


class FilesAdapter:
    """Local folders. `pools` gives the folder of each pool that this node knows."""

    source = Source.FILES

    def __init__(self, pools: Callable[[], Mapping[str, Path]], now_minute: Callable[[], int]) -> None:
        self._pools = pools
        self._now_minute = now_minute

    async def collect(self, job: CollectJob, since_minute: int, report: CollectReport) -> AsyncIterator[Entity]:
        folder = Path(job.target).expanduser()
        if not folder.is_dir():
            raise BadSource(f"{job.target[:200]!r} is no folder.")
        rows = self._rows(folder, pool_of(job), since_minute, report)
        while batch := await trio.to_thread.run_sync(_take, rows):
            for entity in batch:
                yield entity

    def canonical(self, uri: str) -> str:
        pool, slash, rest = uri.removeprefix(SCHEME).partition("/")
        name, mark, number = rest.rpartition("#")
        if not uri.startswith(SCHEME) or not (pool and slash and name and mark) or not number.isdecimal():
            return ""
        return f"{SCHEME}{quote(unquote(pool), safe='')}/{quote(unquote(name))}#{int(number)}"

    async def recheck(self, uri: str) -> Recheck:
        pool, _, rest = uri.removeprefix(SCHEME).partition("/")
        name, _, number = rest.rpartition("#")
        folder = self._pools().get(unquote(pool))
        if folder is None:
            return Recheck(Look.UNREACHABLE, note="this node has no such pool")
        path = folder / unquote(name)
        return await trio.to_thread.run_sync(self._look, folder, path, int(number))

    def _look(self, folder: Path, path: Path, number: int) -> Recheck:
        try:
            if not _is_inside(path, folder) or not path.is_file():
                return Recheck(Look.GONE)
            for at, record in enumerate(_records(path)):
                if at == number:
                    entity = self._entity("x", "x", at, record, path, "", CollectReport())
                    return Recheck(Look.GONE) if entity is None else Recheck(Look.FOUND, entity)
        except ValueError:
            return Recheck(Look.GONE)  # no file can have that name
        except (OSError, SourceFailed) as error:
            return Recheck(Look.UNREACHABLE, note=str(error))
        return Recheck(Look.GONE)

    def _rows(self, folder: Path, pool: str, since_minute: int, report: CollectReport) -> Iterator[Entity]:
        count = 0
        for number, path in enumerate(sorted(folder.rglob("*"))):
            if number >= FILES_PER_FOLDER_MAX or count >= ITEMS_PER_COLLECT_MAX:
                report.notes.append("there is more than one run takes; the rest follows")
                return
            if path.suffix.lower() not in ENDINGS or not path.is_file() or not _is_inside(path, folder):
                continue
            if path.stat().st_mtime < 60 * since_minute:
                continue
            inner = path.relative_to(folder).as_posix()
            try:
                for at, record in enumerate(_records(path)):
                    report.items += 1
                    entity = self._entity(pool, inner, at, record, path, label_of(pool[:LABEL_CHARS_MAX]), report)
                    if entity is None:
                        report.without_text += 1
                    else:
                        count += 1
                        yield entity
            except (OSError, SourceFailed) as error:
                report.notes.append(f"{inner[:100]}: {error}")
            except Exception as error:  # the libraries that read mails and tables fail in many ways; others' rows count
                report.notes.append(f"{inner[:100]}: it cannot be read ({type(error).__name__})")

    def _entity(
        self, pool: str, inner: str, at: int, record: _Record, path: Path, label: str, report: CollectReport
    ) -> Entity | None:
        now = self._now_minute()
        minute = minute_of(record.when) if record.when else None
        if minute is None:  # the file's own time is the same for everybody who has a faithful copy
            minute = int(path.stat().st_mtime) // 60
            report.without_time += 1
        if minute > now:
            report.in_the_future += 1
            minute = now
        report.badly_encoded += record.text.count("\ufffd")
        uri = self.canonical(f"{SCHEME}{quote(pool, safe='')}/{quote(inner)}#{at}")
        named = (label_from(record.label) if record.label.isprintable() else "") or label
        return make_entity(uri, Source.FILES, named, minute, record.author[:AUTHOR_CHARS_MAX], record.text)


def pool_of(job: CollectJob) -> str:
    """The name that a folder's rows go by: the job's label, else the folder's name."""
    return label_of((job.label or Path(job.target).expanduser().resolve().name)[:LABEL_CHARS_MAX])


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _take(rows: Iterator[Entity]) -> list[Entity]:
    return [entity for entity, _ in zip(rows, range(_BATCH), strict=False)]


def _records(path: Path) -> Iterator[_Record]:
    """What a file holds, row by row. Raises SourceFailed, OSError."""
    if path.stat().st_size > FILE_BYTES_MAX:
        raise SourceFailed(f"The file is larger than {FILE_BYTES_MAX >> 20} MB.")
    match path.suffix.lower():
        case ".csv":
            yield from _csv(path)
        case ".mbox":
            yield from _mails(path)
        case ".jsonl":
            with path.open(encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    if line.strip():
                        yield _json(line)
        case _:
            with path.open(encoding="utf-8", errors="replace") as file:
                for block in file.read().split("\n\n"):
                    if block.strip():
                        yield _Record(block[: 4 * CONTENT_CHARS_MAX])


def _csv(path: Path) -> Iterator[_Record]:
    csv.field_size_limit(4 * CONTENT_CHARS_MAX)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        try:
            for row in csv.DictReader(file):
                known = {key.strip().lower(): value or "" for key, value in row.items() if isinstance(key, str)}
                yield _Record(_named(known, _TEXT), _named(known, _WHEN), _named(known, _WHO), known.get("label", ""))
        except csv.Error as error:
            raise SourceFailed(f"The table cannot be read: {error}.") from error


def _mails(path: Path) -> Iterator[_Record]:
    for mail in mailbox.mbox(path, create=False):
        body = next((part for part in mail.walk() if part.get_content_type() in ("text/plain", "text/html")), mail)
        data = body.get_payload(decode=True)
        text = decoded_text(data, body.get_content_charset() or "utf-8") if isinstance(data, bytes) else ""
        text = html_text(text) if body.get_content_type() == "text/html" else text
        subject = str(mail.get("Subject", ""))
        yield _Record(f"{subject}. {text}" if subject else text, str(mail.get("Date", "")), str(mail.get("From", "")))


def _json(line: str) -> _Record:
    try:
        row = msgspec.json.decode(line, type=dict[str, object])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise SourceFailed("A line is no JSON object.") from error
    known = {key.lower(): str(value) for key, value in row.items() if isinstance(value, str | int | float)}
    return _Record(_named(known, _TEXT), _named(known, _WHEN), _named(known, _WHO), known.get("label", ""))


def _named(row: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((row[name] for name in names if row.get(name)), "")
