"""Commands about receipts, usage and audits: what they show, what they check offline, and how they exit."""

import json
from pathlib import Path

import msgspec
import pytest

from node.market.frames import CallHead, body_digest, receipt_digest
from node.market.receipts import sign_receipt
from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.primitives.types import Height
from node.subnets.base import Answer, Usage
from tests.unit.cli.conftest import Run
from tests.unit.control.fake import Served
from tests.unit.control.fake_records import AUDIT, DAVE, ERIN
from tests.unit.market.support import GENESIS, NETUID, signer_of


def receipt_bytes(number: int = 1, *, forged: bool = False) -> bytes:
    """A receipt that both sides have signed."""
    caller, miner = signer_of("caller"), signer_of("miner")
    head = CallHead(GENESIS, NETUID, Height(number), bytes(16), caller.public, miner.public, body_digest(b"task"))
    chain, usage = digest("test", b"chain"), Usage(1, 2)
    signature = miner.sign(digest("answer", digest("call", encode(head)), chain, encode(usage)))
    answer = Answer(miner.public, (), usage, chain, signature, 5, 9)
    receipt = sign_receipt(head, answer, 1, caller)
    if forged:
        receipt = msgspec.structs.replace(receipt, body=msgspec.structs.replace(receipt.body, t_done_ms=1))
    return encode(receipt)


def exported(path: Path, *receipts: bytes) -> Path:
    path.write_text("".join(json.dumps({"raw": raw.hex()}) + "\n" for raw in receipts), encoding="utf-8")
    return path


def test_an_audit_that_disagrees_names_what_and_exits_with_1(run: Run, node: Served) -> None:
    shown = run("audit", "--netuid", "1", "--epoch", "120", "--judge", "2")
    assert shown.code == 1
    for words in ("disagrees", "differs", "judged twice", "Not checked", "changed hands", "65535", "block 1199"):
        assert words in shown.out, words
    assert run("audit", "--json").json()["weights"][0]["on_chain"] == 65_535


@pytest.mark.parametrize(("outcome", "code"), [("agrees", 0), ("undecided", 3)])
def test_an_audits_exit_status_tells_its_outcome(run: Run, node: Served, outcome: str, code: int) -> None:
    node.api.audited = msgspec.structs.replace(AUDIT, outcome=outcome, findings=())
    assert run("audit").code == code


@pytest.mark.parametrize("arguments", [("--epoch", "-1"), ("--judge", "33"), ("--netuid", "x"), ("--nonsense",)])
def test_wrong_arguments_of_an_audit_are_refused_with_words(arguments: tuple[str, ...], run: Run, node: Served) -> None:
    done = run("audit", *arguments)
    assert done.code == 2
    assert "Traceback" not in done.err


def test_receipts_are_listed_shown_and_verified(run: Run, node: Served) -> None:
    listed = run("receipts", "list", "--kind", "user")
    assert listed.code == 0
    assert "smollm2-135m-instruct" in listed.out
    assert run("receipts", "list", "--json").json()[0]["miner"] == ERIN
    shown = run("receipts", "show", "0e0e")
    assert DAVE in shown.out
    assert "both hold" in shown.out
    assert run("receipts", "verify", "0E0E0").code == 0
    assert run("receipts", "verify", "xyz").code == 2
    assert run("receipts", "verify").code == 2


def test_exported_receipts_are_verified_without_a_node(run: Run, tmp_path: Path) -> None:
    good = exported(tmp_path / "good.jsonl", receipt_bytes(1), receipt_bytes(2))
    checked = run("receipts", "verify", "--file", str(good), "--json")
    assert checked.code == 0
    assert [each["holds"] for each in checked.json()] == [True, True]
    bad = exported(tmp_path / "bad.jsonl", receipt_bytes(1), receipt_bytes(2, forged=True))
    refused = run("receipts", "verify", "--file", str(bad))
    assert refused.code == 1
    assert "1 of 2" in refused.out


def test_a_receipt_under_another_digest_does_not_hold(run: Run, tmp_path: Path) -> None:
    from node.market.frames import Receipt, decode

    raw = receipt_bytes()
    path = tmp_path / "renamed.jsonl"
    path.write_text(json.dumps({"raw": raw.hex(), "digest": "00" * 32}) + "\n", encoding="utf-8")
    assert run("receipts", "verify", "--file", str(path)).code == 1
    named = receipt_digest(decode(Receipt, raw)).hex()
    path.write_text(json.dumps({"raw": raw.hex(), "digest": named}) + "\n", encoding="utf-8")
    assert run("receipts", "verify", "--file", str(path)).code == 0


@pytest.mark.parametrize("text", ["{}", "[]", '{"raw": 5}', '{"raw": "zz"}', '{"raw": "00"}', "[" * 10_000, "\x00"])
def test_a_file_of_something_else_is_refused_with_its_line(run: Run, tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text(text + "\n", encoding="utf-8")
    done = run("receipts", "verify", "--file", str(path))
    assert done.code == 1
    assert "Line 1" in done.err
    assert "Traceback" not in done.err


def test_a_file_that_is_not_there_is_said_so(run: Run, tmp_path: Path) -> None:
    done = run("receipts", "verify", "--file", str(tmp_path / "none.jsonl"))
    assert done.code == 1
    assert "cannot be read" in done.err


def test_an_export_holds_every_receipt_and_overwrites_nothing(run: Run, node: Served, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    assert run("receipts", "export", str(path)).code == 0
    assert [json.loads(line)["digest"] for line in path.read_text().splitlines()] == ["0e" * 32]
    again = run("receipts", "export", str(path))
    assert again.code != 0
    assert "Traceback" not in again.err


def test_usage_adds_up_to_a_last_line(run: Run, node: Served) -> None:
    shown = run("usage", "--group", "day")
    assert shown.code == 0
    assert shown.out.splitlines()[-1].split()[:4] == ["together", "3", "36", "102"]
    assert run("usage", "--json").json()["lines"][0]["units"] == 0
    assert run("usage", "--group", "moon").code == 2
