"""`neurond journal` and `neurond offers` as a person reads them."""

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.control.fake import Served
from tests.unit.control.fake_journals import BOB, CAROL


def test_journals_are_listed_with_what_counts_and_who_forked(run: Run, node: Served) -> None:
    shown = run("journal", "--netuid", "1")
    assert shown.code == 0
    for words in (BOB, "42", "forked at 7"):
        assert words in shown.out, words
    assert run("journal", "list", "--json").json()["journals"][1]["forked_at"] == 7


def test_entries_are_shown_as_text_where_they_are_and_as_hex_elsewhere(run: Run, node: Served) -> None:
    shown = run("journal", "show", BOB, "--kind", "offer", "--limit", "2")
    assert "hello" in shown.out
    assert "94ff" in shown.out
    assert "The newest 2 of 42" in shown.err
    assert ("journal_entries", (BOB, None, "offer", 2)) in node.api.calls


def test_forks_are_shown_with_both_entries(run: Run, node: Served) -> None:
    shown = run("journal", "forks")
    assert CAROL in shown.out
    assert "7 0a0a0a0a" in shown.out
    assert run("journal", "forks", "--json").json()[0]["void_from"] == 7


def test_offers_are_listed_in_amounts_for_a_million(run: Run, node: Served) -> None:
    shown = run("offers")
    for words in ("completion_tokens 0.02 τ", "nothing", "7200", "prompt_tokens 0.005 τ"):
        assert words in shown.out, words


def test_prices_are_set_exactly(run: Run, node: Served) -> None:
    done = run("offers", "set", "--netuid", "1", "--price", "completion_tokens=0.02", "--price", "m/prompt_tokens=0",
               "--concurrency", "4", "--free")  # fmt: skip
    assert done.code == 0
    name, (netuid, prices, concurrency, free) = node.api.calls[-1]
    assert (name, netuid, concurrency, free) == ("offers_set", 1, 4, True)
    assert [(wish.unit, wish.rao) for wish in prices] == [("completion_tokens", 20_000_000), ("m/prompt_tokens", 0)]


@pytest.mark.parametrize(
    "arguments",
    [
        ("offers", "set"),
        ("offers", "set", "--price", "completion_tokens"),
        ("offers", "set", "--price", "=1"),
        ("offers", "set", "--price", "a=-1"),
        ("offers", "set", "--price", "a=1.0000000001"),
        ("offers", "set", "--concurrency", "0"),
        ("journal", "show"),
        ("journal", "show", BOB, "--limit", "0"),
        ("journal", "--netuid", "-1"),
    ],
)
def test_wrong_arguments_are_refused_with_words(arguments: tuple[str, ...], run: Run, node: Served) -> None:
    done = run(*arguments)
    assert done.code == 2
    assert "Traceback" not in done.err
