"""The log's files read backwards: every line once, over rotations, whatever is in them."""

import logging
import os
from pathlib import Path

import pytest

from node.service import log_files
from node.service.errors import Unknown
from node.service.log_files import older_lines, parse_line


def written(path: Path, first: int, count: int, *, level: str = "INFO") -> None:
    lines = [f"2026-01-02 03:{n // 60:02}:{n % 60:02},{n % 1000:03} {level:<7} neurond.chain: line {n}\n"
             for n in range(first, first + count)]  # fmt: skip
    path.write_text("".join(lines), encoding="utf-8")


def all_pages(log: Path, limit: int) -> list[str]:
    cursor = ""
    found: list[str] = []
    while True:
        page = older_lines(log, cursor, 0, "info", limit)
        assert len(page.lines) <= limit
        found = [line.message for line in page.lines] + found
        cursor = page.cursor
        if not cursor:
            return found


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_pages_put_together_are_the_files_oldest_line_first(tmp_path: Path, limit: int) -> None:
    log = tmp_path / "daemon.log"
    written(tmp_path / "daemon.log.2", 0, 30)
    written(tmp_path / "daemon.log.1", 30, 25)
    written(log, 55, 5)
    assert all_pages(log, limit) == [f"line {n}" for n in range(60)]


def test_lines_that_cross_the_blocks_of_reading_come_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_files, "BLOCK_BYTES", 37)
    written(tmp_path / "daemon.log", 0, 40)
    assert all_pages(tmp_path / "daemon.log", 9) == [f"line {n}" for n in range(40)]


def test_a_rotation_between_two_pages_loses_and_repeats_nothing(tmp_path: Path) -> None:
    log = tmp_path / "daemon.log"
    written(log, 0, 20)
    first = older_lines(log, "", 0, "info", 5)
    log.rename(tmp_path / "daemon.log.1")
    written(log, 20, 3)
    second = older_lines(log, first.cursor, 0, "info", 100)
    assert [line.message for line in (*second.lines, *first.lines)] == [f"line {n}" for n in range(20)]


def test_level_and_time_leave_lines_out(tmp_path: Path) -> None:
    log = tmp_path / "daemon.log"
    written(log, 0, 10)
    with log.open("a", encoding="utf-8") as file:
        file.write("2026-01-02 03:00:30,000 ERROR   node.service.chain: bad\nTraceback (most recent call last):\n")
    page = older_lines(log, "", 0, "warning", 100)
    assert [(line.message, line.area) for line in page.lines] == [("bad", "chain")]
    whole = older_lines(log, "", 0, "info", 100).lines
    assert [line.message for line in older_lines(log, "", whole[4].time_ms, "info", 100).lines] == [
        f"line {n}" for n in range(4)
    ]


def test_what_is_no_line_is_left_out_and_never_breaks_a_page(tmp_path: Path) -> None:
    log = tmp_path / "daemon.log"
    log.write_bytes(os.urandom(5000) + b"\n" + b"x" * 100_000 + b"\n2026-99-99 00:00:00,000 INFO a: no date\n")
    assert older_lines(log, "", 0, "debug", 10).lines == ()
    assert parse_line("2026-01-02 03:04:05,678 LOUD    neurond.chain: x") is None


def test_a_place_that_is_none_or_gone_is_refused_in_words(tmp_path: Path) -> None:
    written(tmp_path / "daemon.log", 0, 3)
    for cursor in ("x", "1", "[", "999999999,5", "1,2,3"):
        with pytest.raises(Unknown):
            older_lines(tmp_path / "daemon.log", cursor, 0, "info", 10)
    assert older_lines(tmp_path / "nothing.log", "", 0, "info", 10).lines == ()


def test_what_the_node_writes_is_read_back(tmp_path: Path) -> None:
    from node.service.logbook import open_log

    book = open_log(tmp_path / "daemon.log", also_stderr=False)
    logging.getLogger("neurond.market").warning("half an answer: %d of %d", 1, 2)
    (kept,) = book.page(0, "info", 10).lines
    (read,) = older_lines(tmp_path / "daemon.log", "", 0, "info", 10).lines
    assert (read.level, read.area, read.message) == (kept.level, kept.area, kept.message)
    assert abs(read.time_ms - kept.time_ms) <= 1  # the file's own rounding
    for name in ("neurond", "node", "p2p", "storage", "models"):
        logging.getLogger(name).handlers.clear()
