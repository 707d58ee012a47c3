"""Promises of `neurond wallet`: keys come and go in every promised form, and nothing unsafe happens silently."""

import csv
import datetime
import io
import json
from pathlib import Path

import nacl.pwhash
import pytest

from node.control.amounts import format_amount
from node.control.wallets import wallet_store
from node.ledger.transaction import decode_transaction
from node.primitives.address import from_ss58, to_ss58
from node.primitives.crypto import Ed25519Signer
from node.wallet.container import bittensor_file, public_file
from node.wallet.mnemonic import seed_from_words
from tests.unit.cli.conftest import Run
from tests.unit.control.fake import ALICE, BOB, Served

WORDS = "legal winner thank year wave sausage worth useful legal winner thank yellow"
DEV_WORDS = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"
PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords cost next to nothing here."""
    monkeypatch.setattr("node.wallet.bittensor._OPERATIONS", nacl.pwhash.argon2i.OPSLIMIT_MIN)
    monkeypatch.setattr("node.wallet.bittensor.NACL_MEMORY_BYTES", nacl.pwhash.argon2i.MEMLIMIT_MIN)


@pytest.fixture
def savings(run: Run) -> str:
    """The address of a wallet called savings, left unencrypted."""
    made = run("wallet", "restore", "savings", "--no-password", "--json", stdin=WORDS)
    assert made.code == 0, made.err
    address: str = made.json()["address"]
    return address


@pytest.mark.parametrize("count", ["12", "15", "18", "21", "24"])
def test_words_of_every_length_bring_the_wallet_back(run: Run, count: str) -> None:
    made = run("wallet", "new-coldkey", "one", "--words", count, "--no-password", "--json").json()
    assert len(made["words"].split()) == int(count)
    again = run("wallet", "regen-coldkey", "two", "--no-password", "--json", stdin=made["words"]).json()
    assert again["address"] == made["address"]
    assert again["backup_tested_on"] == datetime.date.today().isoformat()
    assert made["backup_tested_on"] == ""


def test_a_wrong_word_is_named_by_its_place_with_what_it_looks_like(run: Run, home: Path) -> None:
    outcome = run("wallet", "restore", "--no-password", stdin=WORDS.replace("sausage", "sausagge"))
    assert outcome.code == 1
    assert "Word 6" in outcome.err
    assert "sausage" in outcome.err
    assert "sausagge" not in outcome.err
    swapped = run(
        "wallet", "restore", "--no-password", stdin=WORDS.replace("legal winner thank year", "winner legal thank year")
    )
    assert "checksum" in swapped.err
    assert not wallet_store(home).wallets()


def test_a_watched_address_is_marked_everywhere_and_moves_no_money(run: Run, node: Served) -> None:
    assert run("wallet", "watch", BOB, "cold").code == 0
    assert run("wallet", "show", "cold", "--json").json()["kind"] == "watch"
    for command in ("list", "show cold", "overview"):
        assert "watch-only" in run("wallet", *command.split()).out
    refused = run("wallet", "transfer", ALICE, "1", "-w", "cold", "-y")
    assert refused.code == 1
    assert "watch-only" in refused.err
    assert "tx build" in refused.err
    assert not node.api.submitted
    assert run("wallet", "sign", "-m", "x", "-w", "cold", "--json").json()["error"]["code"] == "watch_only"


def test_a_mistyped_address_says_what_is_wrong_with_it(run: Run, home: Path) -> None:
    typo = BOB[:20] + ("1" if BOB[20] != "1" else "2") + BOB[21:]
    outcome = run("wallet", "watch", typo)
    assert outcome.code == 1
    assert "checksum" in outcome.err
    assert not wallet_store(home).wallets()


def test_a_place_for_an_address_takes_wallets_hotkeys_and_labels(run: Run, node: Served, savings: str) -> None:
    assert run("wallet", "book", "add", "exchange", BOB).code == 0
    hotkey = run("wallet", "show", "savings", "--json").json()["hotkeys"][0]["address"]
    for who, address in ((BOB, BOB), ("savings", savings), ("savings/default", hotkey), ("exchange", BOB)):
        node.api.calls.clear()
        assert run("wallet", "balance", who).code == 0
        assert ("account", (address,)) in node.api.calls
    near = run("wallet", "balance", "savingz")
    assert near.code == 1
    assert "savings" in near.err
    assert run("wallet", "balance", "savings/nobody").code == 1


def test_no_name_stands_in_the_place_of_an_address(run: Run, node: Served, home: Path) -> None:
    wallet_store(home).store_seed(BOB, bytes(32), None)
    assert run("wallet", "balance", BOB).code == 0
    assert ("account", (BOB,)) in node.api.calls


def test_a_home_that_begins_with_a_wallet_is_its_owners_alone(run: Run, home: Path, savings: str) -> None:
    assert home.stat().st_mode & 0o777 == 0o700


def test_a_name_of_two_accounts_stands_for_neither(run: Run, node: Served) -> None:
    assert run("wallet", "book", "add", "exchange", BOB).code == 0
    assert run("wallet", "create", "exchange", "--no-password").code == 0
    outcome = run("wallet", "transfer", "exchange", "1", "-y")
    assert (outcome.code, node.api.submitted) == (1, [])
    assert "both a wallet" in outcome.err
    assert run("wallet", "book", "remove", "exchange").code == 0
    assert run("wallet", "balance", "exchange").code == 0


@pytest.mark.parametrize("path", ["/nowhere/coldkey", "./coldkey", "~/.bittensor/wallets/a/coldkey", "a/hotkeys/b"])
def test_a_key_file_that_is_not_there_is_named(run: Run, path: str) -> None:
    assert f"There is no file {path}." in run("wallet", "inspect", path).err


def test_labels_are_listed_kept_and_removed(run: Run, savings: str) -> None:
    assert run("wallet", "book", "add", "bob", BOB).code == 0
    assert run("wallet", "book", "--json").json() == [{"label": "bob", "address": BOB}]
    assert run("wallet", "book", "add", "bob", ALICE, "--json").json()["error"]["code"] == "label_taken"
    assert run("wallet", "book", "add", "savings", ALICE, "--json").json()["error"]["code"] == "label_taken"
    assert run("wallet", "book", "remove", "bob").code == 0
    assert "No labels" in run("wallet", "book").out


def test_a_message_is_signed_and_checked(run: Run, savings: str, tmp_path: Path) -> None:
    signed = run("wallet", "sign", "-m", "I am here", "-w", "savings", "--json").json()
    assert signed["address"] == savings
    good = run("wallet", "verify", "savings", signed["signature"], "-m", "I am here")
    assert good.code == 0, good.err
    for who, message in ((BOB, "I am here"), ("savings", "I am there")):
        outcome = run("wallet", "verify", who, signed["signature"], "-m", message)
        assert outcome.code == 1
        assert "has not signed" in outcome.err
    bare = Ed25519Signer(seed_from_words(WORDS)).sign(b"I am here").hex()
    assert run("wallet", "verify", savings, bare, "-m", "I am here", "--json").json()["form"] == "bare"
    assert run("wallet", "verify", savings, "zz", "-m", "x", "--json").json()["error"]["code"] == "bad_signed_message"
    (tmp_path / "letter").write_bytes(b"\x00\xff letter")
    by_file = run("wallet", "sign", "-f", str(tmp_path / "letter"), "-w", "savings", "-H", "default", "--json").json()
    assert run("wallet", "verify", "savings/default", by_file["signature"], "-f", str(tmp_path / "letter")).code == 0
    assert run("wallet", "sign", "-w", "savings").code == 1


def test_a_backup_is_tested_by_its_words_and_only_the_day_is_kept(run: Run, home: Path) -> None:
    made = run("wallet", "create", "mine", "--no-password", "--json").json()
    assert "NEVER TESTED" in run("wallet", "show", "mine").out
    wrong = run("wallet", "test-backup", "mine", stdin=WORDS)
    assert wrong.code == 1
    assert "another wallet" in wrong.err
    assert run("wallet", "test-backup", "mine", stdin=made["words"]).code == 0
    assert run("wallet", "show", "mine", "--json").json()["backup_tested_on"] == datetime.date.today().isoformat()


def test_a_wallet_goes_to_bittensors_tools_and_comes_back(
    run: Run, savings: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEUROND_NEW_PASSWORD", PASSWORD)
    out = run("wallet", "export", str(tmp_path / "out"), "-w", "savings", "--json")
    assert out.code == 0, out.err
    assert out.json()["kind"] == "bittensor"
    assert (tmp_path / "out" / "savings" / "coldkey").read_bytes().startswith(b"$NACL")
    assert run("wallet", "export", str(tmp_path / "out"), "-w", "savings").code == 1
    there = ("-p", str(tmp_path / "out"))
    assert run("wallet", "list", *there, "--json").json()[0]["address"] == savings
    monkeypatch.setenv("NEUROND_PASSWORD", PASSWORD)
    signed = run("wallet", "sign", "-m", "x", "-w", "savings", *there, "--json").json()
    assert signed["address"] == savings
    monkeypatch.setenv("NEUROND_NEW_PASSWORD", "another password")
    monkeypatch.setattr("node.wallet.store.STRONG", None)
    back = run("wallet", "import", str(tmp_path / "out" / "savings"), "back", "--json")
    assert back.code == 0, back.err
    assert (back.json()["kind"], back.json()["address"]) == ("sealed", savings)


def test_a_key_file_is_inspected_without_and_with_its_password(
    run: Run, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = seed_from_words(WORDS)
    folder = tmp_path / "theirs" / "rig"
    folder.mkdir(parents=True)
    (folder / "coldkey").write_bytes(bittensor_file(seed, PASSWORD, lambda count: bytes(count)))
    (folder / "coldkeypub.txt").write_bytes(public_file(Ed25519Signer(seed).public))
    (folder / "coldkey").chmod(0o644)
    there = ("rig", "-p", str(tmp_path / "theirs"), "--json")
    shown = run("wallet", "inspect", *there).json()
    assert (shown["form"], shown["address"], shown["private_to_owner"], shown["opens"]) == (
        "bittensor",
        "",
        False,
        None,
    )
    monkeypatch.setenv("NEUROND_PASSWORD", PASSWORD)
    assert run("wallet", "inspect", *there, "--check").json()["opens"] is True
    monkeypatch.setenv("NEUROND_PASSWORD", "wrong horse")
    assert run("wallet", "inspect", *there, "--check").json()["error"]["code"] == "wrong_password"
    assert "chmod 600" in run("wallet", "show", *there[:-1]).err
    assert "OTHERS MAY READ" in run("wallet", "inspect", *there[:-1]).out
    for old in (b"$ANSIBLE_VAULT;1.1;AES256", b"gAAAAABkabc"):
        (tmp_path / "old").write_bytes(old)
        outcome = run("wallet", "inspect", str(tmp_path / "old"), "--json").json()["error"]
        assert outcome["code"] == "unsupported_key_file"
        assert "words" in outcome["hint"]


def test_hotkeys_are_derived_restored_and_watched(run: Run, savings: str) -> None:
    derived = run("wallet", "new-hotkey", "rig", "-w", "savings", "--json").json()
    own = run("wallet", "regen-hotkey", "own", "-w", "savings", "--json", stdin=DEV_WORDS).json()
    assert from_ss58(own["address"]) == Ed25519Signer(seed_from_words(DEV_WORDS)).public
    far = run("wallet", "regen-hotkeypub", "far", BOB, "-w", "savings", "--json").json()
    assert (far["kind"], far["address"]) == ("watch", BOB)
    shown = run("wallet", "show", "savings", "--json").json()["hotkeys"]
    assert {each["name"] for each in shown} == {"default", "rig", "own", "far"}
    assert derived["address"] not in (own["address"], savings)
    assert run("wallet", "new-hotkey", "rig", "-w", "savings", "--json").json()["error"]["code"] == "wallet_exists"


def test_a_password_is_changed_only_by_whoever_knows_the_old_one(
    run: Run, savings: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = run("wallet", "password", "savings")
    assert refused.code == 1
    assert "NEUROND_NEW_PASSWORD" in refused.err
    monkeypatch.setenv("NEUROND_PASSWORD", "not this one")
    assert run("wallet", "password", "savings").code == 1
    assert not wallet_store(home).open("savings").sealed


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".x", "é"])
def test_names_that_lead_elsewhere_are_refused(run: Run, name: str) -> None:
    outcome = run("wallet", "create", name, "--no-password", "--json")
    assert outcome.json()["error"]["code"] == "bad_wallet_name"


def test_one_damaged_wallet_does_not_hide_the_others(run: Run, savings: str, home: Path) -> None:
    run("wallet", "watch", BOB, "cold")
    (home / "wallets" / "cold" / "coldkeypub.txt").write_bytes(b"\xff" * 100)
    outcome = run("wallet", "list")
    assert outcome.code == 0
    assert "savings" in outcome.out
    assert "cold" in outcome.err


def test_the_overview_adds_up_and_names_untested_backups(run: Run, node: Served, savings: str) -> None:
    run("wallet", "create", "second", "--no-password")
    shown = run("wallet", "overview", "--json").json()
    assert [each["name"] for each in shown] == ["savings", "second"]
    assert all(each["total_rao"] == each["balance_rao"] + each["stakes_value_rao"] for each in shown)
    assert "NEVER" in run("wallet", "overview").out
    assert "watched" not in run("wallet", "overview").out
    one = shown[0]["total_rao"]
    assert run("wallet", "watch", BOB, "other").code == 0
    last = run("wallet", "overview").out.splitlines()[-2:]
    assert last == [f"together  {format_amount(2 * one)}", f"watched   {format_amount(one)}"]


def test_the_history_is_a_table_json_and_csv(run: Run, node: Served) -> None:
    table = run("wallet", "history", BOB)
    assert "Transferred" in table.out
    assert "-12 τ" in table.out
    assert "from block 600 on" in table.err
    items = run("wallet", "history", BOB, "--json").json()
    assert [each["height"] for each in items] == [1204, 1199, 1100, 640]
    rows = list(csv.DictReader(io.StringIO(run("wallet", "history", BOB, "--csv").out)))
    assert [row["free_tao_change"] for row in rows] == [
        "-12.000000000",
        "-10.000000000",
        "0.000000000",
        "250.000000000",
    ]
    assert rows[0]["time_utc"].startswith("2026-01-09")
    some = run("wallet", "history", BOB, "--event", "Transferred", "--limit", "1", "--json").json()
    assert [each["event"] for each in some] == ["Transferred"]


def test_a_qr_code_is_shown_on_request(run: Run, savings: str) -> None:
    assert "▀" in run("wallet", "show", "savings", "--qr").out
    assert "▀" not in run("wallet", "show", "savings").out


def test_no_key_material_is_in_any_json(run: Run, savings: str) -> None:
    seed = seed_from_words(WORDS).hex()
    for command in ("list", "show savings", "inspect savings --check", "inspect savings/default"):
        out = run("wallet", *command.split(), "--json").out
        assert json.loads(out)
        assert seed not in out
    assert to_ss58(from_ss58(savings)) == savings


def test_money_moves_from_a_wallet_of_another_folder_when_it_is_named(
    run: Run, node: Served, savings: str, tmp_path: Path
) -> None:
    assert run("wallet", "export", str(tmp_path / "out"), "-w", "savings", "--no-password", "-y").code == 0
    there = ("-p", str(tmp_path / "out"), "-w", "savings")
    sent = run("wallet", "transfer", BOB, "1", "-y", *there)
    assert sent.code == 0, sent.err
    assert decode_transaction(node.api.submitted[0]).sender == from_ss58(savings)
    assert run("wallet", "transfer", BOB, "1", "-y", "-p", str(tmp_path / "nowhere")).code == 1
    assert len(node.api.submitted) == 1
