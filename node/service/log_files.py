"""The log's files, read backwards a block at a time: what has left the ring in memory, for a person who scrolls up.

A cursor names a file by its inode and a place in it, so that it survives a rotation. Whoever asks has bounded pages and
the work behind each is bounded too. Blocking: for worker threads. Must never change a file.
"""

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from node.control.inspect_api import LOG_FILE_CHARS_MAX
from node.control.schema import LOG_LEVELS, LogLevel, LogLine
from node.control.views.inspect import LogFilePage
from node.service.errors import Unknown
from node.service.logbook import FILES_KEPT, LINE_CHARS_MAX, area_of

BLOCK_BYTES: Final = 64 * 1024  # of one read: some 500 lines
READ_BYTES_MAX: Final = 8 * 1024 * 1024  # behind one page: 30 ms of a disk, whatever filter finds nothing

_LINE: Final = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) ([A-Z]+) +([^\s:]{1,200}): (.*)", re.DOTALL)
_LEVELS: Final[dict[str, LogLevel]] = {"DEBUG": "debug", "INFO": "info", "WARNING": "warning", "ERROR": "error",
                                       "CRITICAL": "error"}  # fmt: skip


def older_lines(log: Path, cursor: str, before_ms: int, level: LogLevel, limit: int) -> LogFilePage:
    """Return at most `limit` lines that stand before `cursor` ("": the end of the newest file), oldest first.

    Lines at `before_ms` or later are left out (0: none are). Raises Unknown for a cursor whose file is gone.
    """
    files = [path for number in range(FILES_KEPT + 1) if (path := _numbered(log, number)).is_file()]
    at = _place(files, cursor)
    low = LOG_LEVELS.index(level)
    found: list[LogLine] = []
    chars = read = 0
    while at is not None:
        index, end = at
        stop = None
        for start, text in _backwards(files[index], end):
            line = parse_line(text)
            read += len(text)
            stop = start
            if line is not None and LOG_LEVELS.index(line.level) >= low and not 0 < before_ms <= line.time_ms:
                found.append(line)
                chars += len(line.message) + 100
            if len(found) >= limit or chars >= LOG_FILE_CHARS_MAX or read >= READ_BYTES_MAX:
                return LogFilePage(tuple(reversed(found)), _cursor(files, index, stop))
        at = (index + 1, None) if index + 1 < len(files) else None
    return LogFilePage(tuple(reversed(found)), "")


def parse_line(text: str) -> LogLine | None:
    """Return a line as the file has it, None for one that is none: a piece of a traceback, or damaged."""
    match = _LINE.fullmatch(text)
    if match is None:
        return None
    try:
        seconds = time.mktime(time.strptime(match[1], "%Y-%m-%d %H:%M:%S"))
    except (ValueError, OverflowError):
        return None
    level = _LEVELS.get(match[3])
    if level is None:
        return None
    return LogLine(0, int(seconds) * 1000 + int(match[2]), level, area_of(match[4]), match[5][:LINE_CHARS_MAX])


def _numbered(log: Path, number: int) -> Path:
    return log if number == 0 else log.with_name(f"{log.name}.{number}")


def _place(files: list[Path], cursor: str) -> tuple[int, int | None] | None:
    if not cursor:
        return (0, None) if files else None
    try:
        inode, offset = (int(part) for part in json.loads(f"[{cursor}]"))
    except (ValueError, TypeError):
        raise Unknown("This is no place in the log.", remedy="Begin again without a cursor.") from None
    for index, path in enumerate(files):
        if path.stat().st_ino == inode:
            return index, max(0, min(offset, path.stat().st_size))
    raise Unknown("That part of the log has been deleted by now.", remedy="Begin again without a cursor.")


def _cursor(files: list[Path], index: int, offset: int | None) -> str:
    if not offset:  # the beginning of this file: go on with the end of the next older one
        if index + 1 >= len(files):
            return ""
        index, offset = index + 1, files[index + 1].stat().st_size
    return f"{files[index].stat().st_ino},{offset}"


def _backwards(path: Path, end: int | None) -> Iterator[tuple[int, str]]:
    """Yield the lines that end before `end`, the last first, each with where it starts; long ones are cut."""
    with path.open("rb") as file:
        at = file.seek(0, os.SEEK_END) if end is None else end
        rest = b""
        while at > 0:
            size = min(BLOCK_BYTES, at)
            at -= size
            file.seek(at)
            pieces = (file.read(size) + rest).split(b"\n")
            place = at + sum(len(piece) + 1 for piece in pieces)
            for piece in reversed(pieces[1:]):
                place -= len(piece) + 1
                if piece:
                    yield place, piece.decode("utf-8", "replace")
            rest = pieces[0][: 4 * LINE_CHARS_MAX]
        if rest:
            yield 0, rest.decode("utf-8", "replace")
