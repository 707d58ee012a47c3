"""What strangers write (a peer's name, an answer, a refusal) never steers the terminal and never breaks a table."""

import pytest

from node.commands.common import facts, narrate, plain, table

HOSTILE = ["[/bold]", "[red]", "\x1b[2J\x1b[H", "\x1b]0;owned\x07", "\x9b31m", "a\rb", "\u202egnp.exe", "\x00\x7f"]


@pytest.mark.parametrize("text", HOSTILE, ids=repr)
def test_foreign_text_is_shown_as_it_is_or_not_at_all(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    table(["agent"], [[text]], empty="")
    facts([("agent", text)])
    narrate(text)
    shown = capsys.readouterr()
    for char in (*"\x00\x07\r\x1b\x7f\x9b", "\u202e"):
        assert char not in shown.out + shown.err
    if text.isprintable() and text.isascii():
        assert shown.out.count(text) == 2
        assert text in shown.err


def test_ordinary_text_stays_as_it_is() -> None:
    for text in ("zwei Zeilen\nund\tTabulator", "τ → α", "日本語", "नमस्ते", "é", "👩‍🔬"):
        assert plain(text) == text
