"""`neurond keys`: a key is shown once, revoked for good, and the gateway's database is all it needs."""

import json
from pathlib import Path
from typing import Any

import pytest

from node.cli import main
from node.control.paths import gateway_path
from node.gateway.keys import hash_of
from storage.keys import KeyStore


def run(capsys: pytest.CaptureFixture[str], home: Path, *arguments: str) -> tuple[int, Any, str]:
    code = main(["keys", *arguments, "--home", str(home), "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out), err


def test_a_new_key_is_shown_once_and_only_its_hash_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, made, _ = run(capsys, tmp_path, "new", "laptop", "--tao-per-day", "0.5", "--per-minute", "60")
    assert code == 0
    assert made["scopes"] == ["read", "invoke"]
    assert made["rao_per_day"] == 500_000_000
    _, listed, _ = run(capsys, tmp_path)
    assert [each["id"] for each in listed] == [made["id"]]
    assert listed[0]["key"] is None
    raw = gateway_path(tmp_path).read_bytes()
    wal = gateway_path(tmp_path).with_name("gateway.db-wal")
    raw += wal.read_bytes() if wal.exists() else b""
    assert made["key"].encode() not in raw
    with KeyStore.open(gateway_path(tmp_path)) as store:
        found = store.find(hash_of(made["key"]))
    assert found is not None
    assert found.id == made["id"]


def test_limits_change_one_by_one_and_a_revoked_key_stays_revoked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, made, _ = run(capsys, tmp_path, "new", "laptop", "--scope", "admin")
    assert made["scopes"] == ["admin"]
    _, changed, _ = run(capsys, tmp_path, "limits", made["id"], "--per-day", "7")
    assert (changed["requests_per_day"], changed["requests_per_minute"]) == (7, made["requests_per_minute"])
    refused, told, _ = run(capsys, tmp_path, "revoke", made["id"])
    assert (refused, told["error"]["code"]) == (1, "declined")  # nobody is there to confirm
    code, revoked, _ = run(capsys, tmp_path, "revoke", made["id"], "--yes")
    assert code == 0
    assert revoked["revoked_at"]
    code, told, _ = run(capsys, tmp_path, "limits", made["id"], "--per-day", "8")
    assert (code, told["error"]["code"]) == (1, "nothing_there")
    code, told, _ = run(capsys, tmp_path, "open", "--yes")
    assert told == {"forgotten": 1}


@pytest.mark.parametrize(
    "wrong", [("new", ""), ("new", "a\nb"), ("limits", "key_none"), ("new", "a", "--tao-per-day", "x")]
)
def test_wrong_arguments_get_a_sentence_and_change_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: tuple[str, ...]
) -> None:
    code, told, err = run(capsys, tmp_path, *wrong)
    assert code == 1
    assert told["error"]["message"] in err
    with KeyStore.open(gateway_path(tmp_path)) as store:
        assert not store.any()


def test_a_home_that_is_not_there_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told, _ = run(capsys, tmp_path / "none", "new", "laptop")
    assert (code, told["error"]["code"]) == (1, "nothing_there")
    assert not (tmp_path / "none").exists()
