"""`neurond tx`: every call of the chain can be tried, signed and sent, and is refused before it is signed."""

import pytest

from node.commands.explain import error_codes
from node.control.schema import ErrorView, TransactionPreview
from node.ledger.calls import CALLS
from node.ledger.errors import CallError
from tests.unit.cli.conftest import Run
from tests.unit.control.fake import BOB, Served


@pytest.fixture
def wallet(run: Run) -> None:
    """The home's default wallet, left unencrypted."""
    assert run("wallet", "create", "--no-password", "--json").code == 0


def test_the_list_is_the_table_of_calls(run: Run) -> None:
    shown = run("tx", "list", "--json").json()
    assert [each["name"] for each in shown] == [spec.name for spec in CALLS]
    assert shown[0]["arguments"]["to"]


def test_an_unknown_call_or_argument_is_one_sentence(run: Run) -> None:
    for words in (("fly",), ("transfer",), ("transfer", "to=nobody", "amount_rao=1"), ("transfer", "what")):
        outcome = run("tx", "send", *words)
        assert outcome.code == 1
        assert len(outcome.err.strip().splitlines()) == 1


def test_a_dry_run_shows_what_the_next_block_would_do_and_sends_nothing(run: Run, node: Served, wallet: None) -> None:
    outcome = run("tx", "send", "transfer", f"to={BOB}", "amount_rao=1", "--dry-run")
    assert "StakeAdded" in outcome.out
    assert not node.api.submitted


def test_what_is_signed_is_shown_with_its_arguments_before_anybody_agrees(run: Run, node: Served, wallet: None) -> None:
    asked = run("tx", "send", "transfer", f"to={BOB}", "amount_rao=1", stdin="n\n", terminal=True)
    assert not node.api.submitted
    assert BOB in asked.err
    assert "1 τ (1,000,000,000 rao)" in asked.err


def test_a_call_that_would_fail_is_refused_before_it_is_signed(run: Run, node: Served, wallet: None) -> None:
    node.api.preview = TransactionPreview(False, error=ErrorView("SubnetNotExists", "There is no such subnet."))
    outcome = run("tx", "send", "transfer", f"to={BOB}", "amount_rao=1", "-y")
    assert outcome.code == 1
    assert "SubnetNotExists" in outcome.err
    assert not node.api.submitted


def test_a_confirmed_call_is_signed_and_sent(run: Run, node: Served, wallet: None) -> None:
    outcome = run("tx", "send", "transfer", f"to={BOB}", "amount_rao=1", "-y")
    assert outcome.code == 0, outcome.err
    assert len(node.api.submitted) == 1


_CALL_ERRORS = sorted({each for spec in CALLS for each in spec.errors}, key=lambda each: each.code)


@pytest.mark.parametrize("error", _CALL_ERRORS)
def test_every_error_a_call_can_end_with_is_explained_in_its_own_words(error: type[CallError]) -> None:
    explained = error_codes()[error.code]
    assert explained.meaning == error.sentence


@pytest.mark.parametrize("error", _CALL_ERRORS)
def test_every_error_a_call_can_end_with_says_what_to_do(error: type[CallError]) -> None:
    remedy = error_codes()[error.code].remedy
    assert remedy.endswith(".")
    assert remedy != error.sentence
    assert str(error()) == f"{error.sentence} {remedy}"
