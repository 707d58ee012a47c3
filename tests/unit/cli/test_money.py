"""Promises of commands that touch keys or money: shown first, never without consent, keys opened here only."""

import signal
from pathlib import Path

import msgspec
import nacl.pwhash
import pytest

from node.control.schema import ErrorView, Job, TransactionStatus
from node.control.wallets import WalletStore, wallet_store
from node.ledger import calls
from node.ledger.transaction import decode_transaction
from node.primitives.address import from_ss58
from node.primitives.codec import encode
from node.primitives.types import NetUid
from node.wallet import KdfCost
from tests.unit.cli.conftest import Run
from tests.unit.control.fake import BOB, HASH, HEAD, JOB, PLAN, TAO, UNQUOTE, Served
from tests.unit.control.test_actions import plan_with, planned

CHEAP = KdfCost(nacl.pwhash.argon2id.OPSLIMIT_MIN, nacl.pwhash.argon2id.MEMLIMIT_MIN)
WORDS = "legal winner thank year wave sausage worth useful legal winner thank yellow"


@pytest.fixture
def wallet(run: Run) -> str:
    """The address of the home's default wallet, left unencrypted."""
    outcome = run("wallet", "create", "--no-password", "--json")
    assert outcome.code == 0, outcome.err
    address: str = outcome.json()["address"]
    return address


def sent(node: Served) -> calls.Call:
    assert len(node.api.submitted) == 1
    return decode_transaction(node.api.submitted[0]).call


def test_a_new_wallet_shows_its_words_once(run: Run) -> None:
    made = run("wallet", "create", "savings", "--no-password", "--words", "24", "--json").json()
    assert len(made["words"].split()) == 24
    assert [hotkey["name"] for hotkey in made["hotkeys"]] == ["default"]
    shown = run("wallet", "show", "savings", "--json").json()
    assert shown["words"] is None
    assert {**shown, "words": 0} == {**made, "words": 0}
    listed = run("wallet", "list")
    assert "savings" in listed.out
    assert made["address"] in listed.out
    assert "NO" in listed.out


def test_the_words_are_data_and_the_warning_is_not(run: Run) -> None:
    outcome = run("wallet", "create", "--no-password")
    assert len(outcome.out.splitlines()[0].split()) == 12
    assert "Write these words down" in outcome.err


def test_a_wallet_needs_a_password_from_somewhere(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = run("wallet", "create")
    assert outcome.code == 1
    assert "NEUROND_PASSWORD" in outcome.err
    assert not wallet_store(home).wallets()
    monkeypatch.setenv("NEUROND_PASSWORD", "short")
    assert run("wallet", "create", "--json").json()["error"]["code"] == "weak_password"


def test_a_wallet_comes_back_from_its_words(run: Run) -> None:
    first = run("wallet", "restore", "one", "--no-password", "--json", stdin=WORDS + "\n").json()
    again = run("wallet", "restore", "two", "--no-password", "--json", stdin=WORDS.upper() + "\n").json()
    assert first["address"] == again["address"]
    assert run("wallet", "restore", "one", "--no-password", stdin=WORDS).code == 1
    spoilt = run("wallet", "restore", "three", "--no-password", stdin=WORDS.replace("legal", "zebra", 1))
    assert spoilt.code == 1
    assert "words" in spoilt.err
    assert "zebra" not in spoilt.err


def test_an_empty_home_says_how_to_get_a_wallet(run: Run) -> None:
    assert "neurond wallet create" in run("wallet", "list").out
    assert run("wallet", "show").code == 1


def test_a_transfer_is_shown_signed_here_sent_and_followed(run: Run, node: Served, wallet: str) -> None:
    node.api.statuses = [TransactionStatus(HASH, "pending"), TransactionStatus(HASH, "final", 121, HEAD, 1500)]
    outcome = run("wallet", "transfer", BOB, "12.5", "--yes")
    assert outcome.code == 0, outcome.err
    assert sent(node) == calls.Transfer(from_ss58(BOB), 12_500_000_000)  # type: ignore[arg-type]
    assert decode_transaction(node.api.submitted[0]).sender == from_ss58(wallet)
    for words in ("Transfer 12.5 τ", BOB, "fee", "balance afterwards", "sent ", "pending", "final in block 121"):
        assert words in outcome.err
    assert outcome.out == "Transfer 12.5 τ: done in block 121.\n"


def test_a_transfer_can_go_to_a_wallet_by_its_name(run: Run, node: Served, wallet: str) -> None:
    other = run("wallet", "create", "savings", "--no-password", "--json").json()["address"]
    assert run("wallet", "transfer", "savings", "1", "-y", "--json").json()["state"] == "final"
    assert sent(node) == calls.Transfer(from_ss58(other), TAO)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "command",
    ["wallet transfer {} 5alpha", "stake add 5α", "stake remove 5tao", "tx send transfer to={} amount_rao=5alpha"],
)
def test_an_amount_in_the_other_unit_moves_nothing(command: str, run: Run, node: Served, wallet: str) -> None:
    outcome = run(*command.format(BOB).split(), "-y")
    assert (outcome.code != 0, node.api.submitted) == (True, [])
    assert "counted in" in outcome.err


def test_on_root_what_is_staked_is_counted_in_tao(run: Run, node: Served, wallet: str) -> None:
    command = "stake remove {} --netuid 0 --dry-run --json --hotkey " + BOB
    assert run(*command.format("5tao").split()).json()["call"] == "remove_stake"
    assert "not counted in τ" in run(*command.format("5alpha").split()).out


def test_nothing_is_sent_without_consent(run: Run, node: Served, wallet: str) -> None:
    outcome = run("wallet", "transfer", BOB, "1")
    assert outcome.code == 1
    assert "--yes" in outcome.err
    assert not node.api.submitted


@pytest.mark.parametrize(("answer", "count"), [("n\n", 0), ("\n", 0), ("y\n", 1)])
def test_a_person_is_asked_and_no_is_the_default(answer: str, count: int, run: Run, node: Served, wallet: str) -> None:
    outcome = run("wallet", "transfer", BOB, "1", stdin=answer, terminal=True)
    assert len(node.api.submitted) == count
    assert outcome.code == (0 if count else 1)


def test_ctrl_c_at_the_question_ends_it_and_sends_nothing(
    run: Run, node: Served, wallet: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def person(_prompt: str) -> str:
        signal.raise_signal(signal.SIGINT)
        return "n"  # what has to be typed where the Ctrl-C was swallowed

    monkeypatch.setattr("click.termui.visible_prompt_func", person)
    outcome = run("wallet", "transfer", BOB, "12.5", terminal=True)
    assert (outcome.code, node.api.submitted) == (130, [])
    assert "Interrupted" in outcome.err


def test_ctrl_c_at_the_password_ends_it_and_sends_nothing(
    run: Run, node: Served, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def person(_prompt: str) -> str:
        signal.raise_signal(signal.SIGINT)
        return "a good password"

    WalletStore(home / "wallets", cost=CHEAP).create("default", "a good password")
    monkeypatch.setattr("click.termui.hidden_prompt_func", person)
    outcome = run("wallet", "transfer", BOB, "12.5", "--yes", terminal=True)
    assert (outcome.code, node.api.submitted) == (130, [])


def test_a_dry_run_changes_nothing_and_tells_everything(run: Run, node: Served, wallet: str) -> None:
    outcome = run("stake", "add", "10", "--hotkey", BOB, "--tolerance", "3", "--dry-run", "--json")
    assert outcome.code == 0
    shown = outcome.json()
    assert (shown["call"], shown["pays_rao"], shown["impact_ppm"]) == ("add_stake_limit", 10 * TAO, 9_900)
    assert shown["refusal"] is None
    assert not node.api.submitted
    table = run("stake", "add", "10", "--hotkey", BOB, "--tolerance", "3", "--dry-run")
    assert "price impact" in table.out
    assert "0.99 %" in table.out


def test_a_stake_beyond_its_limit_is_not_sent(run: Run, node: Served, wallet: str) -> None:
    outcome = run("stake", "add", "10", "--hotkey", BOB, "--yes")
    assert outcome.code == 1
    assert "limit" in outcome.err
    assert not node.api.submitted
    assert run("stake", "add", "10", "--hotkey", BOB, "--yes", "--partial").code == 0


def test_staking_goes_to_the_nodes_own_hotkey_unless_told_otherwise(run: Run, node: Served, wallet: str) -> None:
    assert run("stake", "add", "10", "-y", "--tolerance", "2.5%").code == 0
    call = sent(node)
    assert isinstance(call, calls.AddStakeLimit)
    assert call.hotkey == from_ss58(BOB)
    assert call.limit_price == TAO // 4 * 1025 // 1000


def test_all_of_a_stake_can_be_removed(run: Run, node: Served, wallet: str) -> None:
    assert run("stake", "remove", "all", "-y").code == 0
    call = sent(node)
    assert isinstance(call, calls.RemoveStakeLimit)
    assert call.amount_alpha == 20 * TAO
    assert call.limit_price == UNQUOTE.price_before_rao * 99 // 100
    nothing = run("stake", "remove", "all", "--netuid", "3", "-y")
    assert nothing.code == 1
    assert "Nothing of yours" in nothing.err


def test_a_registration_is_previewed_with_its_burn(run: Run, node: Served, wallet: str) -> None:
    assert "burned" in run("subnets", "register", "1", "--dry-run").out
    assert run("subnets", "register", "1", "-y").code == 0
    assert sent(node) == calls.BurnedRegister(NetUid(1), from_ss58(BOB))


def test_a_transaction_that_fails_on_chain_ends_with_the_chains_reason(run: Run, node: Served, wallet: str) -> None:
    reason = ErrorView("not_enough_balance_to_stake", "The balance is too small.", "Add τ.")
    node.api.statuses = [TransactionStatus(HASH, "failed", 121, HEAD, 1500, reason)]
    outcome = run("wallet", "transfer", BOB, "1", "-y", "--json")
    assert outcome.code == 1
    assert outcome.json()["error"] == msgspec.to_builtins(reason)
    assert outcome.err.endswith("neurond: The balance is too small. Add τ.\n")


def test_a_locked_wallet_takes_its_password_from_the_environment_or_not_at_all(
    run: Run, node: Served, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    WalletStore(home / "wallets", cost=CHEAP).restore("default", WORDS, "right password")
    assert run("wallet", "transfer", BOB, "1", "-y", "--json").json()["error"]["code"] == "password_needed"
    monkeypatch.setenv("NEUROND_PASSWORD", "wrong password")
    wrong = run("wallet", "transfer", BOB, "1", "-y", "--json")
    assert wrong.json()["error"]["code"] == "wrong_password"
    assert not node.api.submitted
    monkeypatch.setenv("NEUROND_PASSWORD", "right password")
    assert run("wallet", "transfer", BOB, "1", "-y").code == 0
    assert len(node.api.submitted) == 1


@pytest.mark.parametrize("command", ["wallet transfer nobody 1", "wallet balance nobody", "stake list 5xyz"])
def test_neither_an_address_nor_a_wallet_is_one_sentence(command: str, run: Run, node: Served, wallet: str) -> None:
    outcome = run(*command.split())
    assert outcome.code == 1
    assert "wallet list" in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_role_switch_shows_its_plan_signs_and_follows_the_job(run: Run, node: Served, wallet: str) -> None:
    register = calls.BurnedRegister(NetUid(1), from_ss58(BOB))
    node.api.role_plans["miner"] = plan_with(planned(register))
    outcome = run("role", "set", "miner", "-y")
    assert outcome.code == 0, outcome.err
    for words in ("✓ wallet", "Register on subnet 1", "stop: miner", "start: validator", "fee"):
        assert words in outcome.err
    name, (role, raws) = node.api.calls[-1]
    assert (name, role) == ("role_apply", "miner")
    assert [encode(decode_transaction(raw).call) for raw in raws] == [encode(register)]  # type: ignore[attr-defined]
    assert outcome.out == f"{JOB.message}\n"


def test_a_role_out_of_reach_says_what_is_short_and_changes_nothing(run: Run, node: Served, wallet: str) -> None:
    node.api.role_plans["validator"] = msgspec.structs.replace(PLAN, transactions=())
    outcome = run("role", "set", "validator", "-y")
    assert outcome.code == 1
    assert "stake: 5 τ, needed 1 000 τ" in outcome.err
    assert not any(name == "role_apply" for name, _ in node.api.calls)
    assert run("role", "set", "validator", "--dry-run").code == 0


def test_a_role_switch_that_fails_ends_with_its_reason(run: Run, node: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    node.api.role_plans["staker"] = plan_with()
    failed = Job("j1", "role", "Switch", "failed", error=ErrorView("role_refused", "Rolled back.", "Try again."))

    async def apply(**_: object) -> Job:
        return failed

    monkeypatch.setattr(node.api, "role_apply", apply)
    outcome = run("role", "set", "staker", "-y")
    assert (outcome.code, outcome.err.splitlines()[-1]) == (1, "neurond: Rolled back. Try again.")
