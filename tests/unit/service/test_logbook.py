"""The log is complete for whoever reads in time, and says what a late reader has lost."""

import logging

import pytest

from node.service.logbook import Logbook


@pytest.fixture
def log() -> tuple[logging.Logger, Logbook]:
    book = Logbook(capacity=5)
    logger = logging.Logger("neurond.chain", logging.DEBUG)
    logger.addHandler(book)
    return logger, book


def test_lines_are_numbered_without_gaps(log: tuple[logging.Logger, Logbook]) -> None:
    logger, book = log
    for number in range(4):
        logger.info("line %d", number)
    page = book.page(1, "info", 100)
    assert [line.seq for line in page.lines] == [1, 2, 3, 4]
    assert page.next_seq == 5
    assert page.lines[0].area == "chain"


def test_a_reader_that_pages_through_sees_every_line_once(log: tuple[logging.Logger, Logbook]) -> None:
    logger, book = log
    for number in range(5):
        logger.info("line %d", number)
    first = book.page(1, "info", 2)
    second = book.page(first.next_seq, "info", 2)
    third = book.page(second.next_seq, "info", 2)
    assert [line.message for page in (first, second, third) for line in page.lines] == [f"line {n}" for n in range(5)]


def test_a_late_reader_is_told_what_it_lost(log: tuple[logging.Logger, Logbook]) -> None:
    logger, book = log
    for number in range(12):
        logger.info("line %d", number)
    page = book.page(3, "info", 100)
    assert page.lost == 5
    assert page.lines[0].seq == 8


def test_the_level_filters(log: tuple[logging.Logger, Logbook]) -> None:
    logger, book = log
    logger.debug("a")
    logger.warning("b")
    assert [line.message for line in book.page(0, "warning", 10).lines] == ["b"]


def test_a_wrong_log_call_never_raises_into_the_node(log: tuple[logging.Logger, Logbook]) -> None:
    logger, book = log
    logger.info("%d and %d", 1)
    assert "could not be formatted" in book.page(0, "debug", 10).lines[0].message
