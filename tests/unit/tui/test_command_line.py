"""What is typed after `:` is one order or one clear sentence, whatever it is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.command_line import (
    COMMANDS,
    CommandFault,
    Order,
    StakeWords,
    find,
    parse,
    send_words,
    stake_words,
    suggestions,
)


@pytest.mark.parametrize(
    ("typed", "order"),
    [
        ("p", Order("peers")),
        (":peers 12D3", Order("peers", ("12D3",))),
        ("mg 1", Order("metagraph", ("1",))),
        ("st 250 on 1", Order("stake", ("250", "on", "1"))),
        ("gov", Order("governance")),
        ("theme light", Order("theme", ("light",))),
        ("  Q  ", Order("quit")),
        ("unst 3", Order("unstake", ("3",))),
    ],
)
def test_names_aliases_and_unique_beginnings_are_understood(typed: str, order: Order) -> None:
    assert parse(typed) == order


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Type a command"),
        ("metagrph", "Did you mean metagraph?"),
        ("xyzzy", "There is no command 'xyzzy'"),
        ("s", "begins several commands"),
        ("role now", "role takes no words"),
        ("theme pink", "none of dark, light, contrast"),
    ],
)
def test_what_is_no_command_is_told_clearly(typed: str, words: str) -> None:
    with pytest.raises(CommandFault, match=words.replace("?", r"\?")):
        parse(typed)


def test_no_alias_hides_the_name_of_another_command_and_none_is_given_twice() -> None:
    names = [each.name for each in COMMANDS]
    assert len(set(names)) == len(names)
    for each in COMMANDS:
        assert find(each.name) is each
        for alias in each.aliases:
            assert alias not in names, alias
            assert find(alias) is each, alias


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=400))
def test_any_text_is_an_order_or_a_fault_in_printable_words(typed: str) -> None:
    said = ""
    try:
        assert parse(typed).name in {each.name for each in COMMANDS}
    except CommandFault as fault:
        said = str(fault)
    assert said == "" or (said.endswith((".", "?")) and said.isprintable())
    assert all(name for name, _ in suggestions(typed))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), StakeWords()),
        (("250",), StakeWords("250")),
        (("12.5τ", "on", "3"), StakeWords("12.5", 3)),
        (("on", "7"), StakeWords("", 7)),
    ],
)
def test_an_amount_and_a_subnet_are_taken_as_typed(words: tuple[str, ...], said: StakeWords) -> None:
    assert stake_words(words) == said


@pytest.mark.parametrize(
    "words", [("-5",), ("lots",), ("5", "1"), ("5", "on"), ("5", "on", "x"), ("5", "on", "999999"), ("1e9",)]
)
def test_what_is_no_amount_on_a_subnet_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(CommandFault):
        stake_words(words)


def test_an_amount_and_an_address_are_taken_as_typed() -> None:
    assert send_words(("12.5", "to", "5F")) == ("12.5", "5F")
    assert send_words(()) == ("", "")
    with pytest.raises(CommandFault):
        send_words(("12.5", "5F"))


def test_suggestions_begin_with_what_fits_best_and_with_what_was_typed_before() -> None:
    assert suggestions("pe")[0][0] == "peers"
    assert suggestions("sn")[0][0] == "subnets"
    assert suggestions("", ["peers 12D3"])[0] == ("peers 12D3", "typed before")
    assert [name for name, _ in suggestions("theme ")] == ["theme dark", "theme light", "theme contrast"]
    assert suggestions("xyzzy") == []
