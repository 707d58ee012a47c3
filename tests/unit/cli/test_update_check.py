"""Promises of the update check: off until told whom to ask, bounded, exact in comparing, and never an installation."""

import io
import urllib.request
from email.message import Message
from pathlib import Path

import pytest

from node.control.errors import BadUpdate
from node.control.limits import UPDATE_BYTES_MAX
from node.control.update import _OnlySecure, check, fetch, order
from node.version import __version__
from tests.unit.cli.conftest import Run


def test_nobody_is_asked_until_an_address_is_set(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.control.update.fetch", lambda _: pytest.fail("somebody was asked"))
    outcome = run("update-check")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "update.url" in outcome.err


def test_the_configured_file_is_read_and_versions_are_compared(run: Run, home: Path, tmp_path: Path) -> None:
    file = tmp_path / "latest ü.json"
    file.write_text('{"version": "99.1", "page": "javascript:alert(1)", "notes": "a\\u001b[2Jb", "more": 1}')
    assert run("config", "set", "update.url", file.as_uri()).code == 0
    outcome = run("update-check")
    assert (outcome.code, "There is a newer version." in outcome.out) == (0, True)
    assert "javascript" not in outcome.out
    assert "\x1b" not in outcome.out
    assert run("update-check", "--json").json()["newer"] is True
    file.write_text(f'{{"version": "{__version__}"}}')
    assert "newest version." in run("update-check").out


@pytest.mark.parametrize(
    ("older", "newer"),
    [("0.1.0", "0.1.1"), ("0.9", "0.10"), ("0.2.0rc1", "0.2.0"), ("0.2.0.dev3", "0.2.0a1"), ("1.0b2", "v1.0b10")],
)
def test_versions_are_ordered_as_people_mean_them(older: str, newer: str) -> None:
    assert order(older) < order(newer)
    assert order("0.1") == order("0.1.0") == order("v0.1.0")


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"version": ""}', b'{"version": "new"}', b"\xff", b"[" * 9000, b'{"version": 3}']
)
def test_an_answer_that_is_none_is_one_sentence(data: bytes) -> None:
    with pytest.raises(BadUpdate):
        check("file:///x", "0.1.0", lambda _: data)


def test_what_is_asked_is_bounded_and_secure(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b" " * (UPDATE_BYTES_MAX + 100))
    with pytest.raises(BadUpdate, match="more than 16 KiB"):
        check((tmp_path / "big").as_uri(), "0.1.0")
    for address in ("http://h/x", "ftp://h/x", "file://host/etc/passwd", "https://", "file:///nowhere/at/all", "x"):
        with pytest.raises(BadUpdate):
            fetch(address)
    request = urllib.request.Request("https://h/x")
    with pytest.raises(OSError, match="without https"):
        _OnlySecure().redirect_request(request, io.BytesIO(), 302, "Found", Message(), "http://h/y")
