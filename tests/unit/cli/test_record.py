"""`neurond record`, `replay`, `query`, `tools`: over a real socket to a node that only talks."""

import json
import stat
from pathlib import Path

import pytest

from node.ledger.calls import CALLS
from tests.unit.cli.conftest import Run
from tests.unit.control.fake import STATUS, Served


def test_a_session_is_written_once_for_its_owner_alone_and_told(run: Run, node: Served, tmp_path: Path) -> None:
    node.do(lambda: node.api.hub.put_status(STATUS))
    file = tmp_path / "session.nrec"
    made = run("record", str(file), "--for", "0.4s", "--json")
    assert made.code == 0, made.err
    assert made.json()["entries"] > 5
    assert file.stat().st_size == made.json()["file_bytes"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    told = run("replay", str(file), "--info", "--json").json()
    assert told["network"] == "devnet"
    assert "subnets" in told["reads"]
    assert "subnets" in run("replay", str(file), "--info").out
    again = run("record", str(file), "--for", "1s")
    assert (again.code, "already" in again.err) == (1, True)


@pytest.mark.parametrize("wrong", ["soon", "-5s", "1000000h", "00:61", "5 weeks", "9" * 40])
def test_a_time_that_is_none_is_refused(run: Run, tmp_path: Path, wrong: str) -> None:
    refused = run("record", str(tmp_path / "x"), f"--for={wrong}")
    if wrong == "00:61":
        assert refused.code == 1, "sixty-one seconds are a time; there is no node"
    else:
        assert refused.code == 2
    assert not (tmp_path / "x").exists()


def test_without_a_node_no_file_is_left(run: Run, tmp_path: Path) -> None:
    assert run("record", str(tmp_path / "x"), "--for", "1s").code == 1
    assert not (tmp_path / "x").exists()


def test_replay_of_what_is_no_recording_and_without_a_terminal(run: Run, node: Served, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(b"\x89PNG")
    refused = run("replay", str(tmp_path / "photo"))
    assert (refused.code, "no recording" in refused.err) == (1, True)
    assert run("record", str(tmp_path / "x"), "--for", "0.2s").code == 0
    file = tmp_path / "x"
    assert run("replay", str(file)).code == 2, "a window needs a terminal"
    file.write_bytes(file.read_bytes()[:-12])
    assert "cut off" in run("replay", str(file), "--info").err
    assert run("replay", str(file), "--info", "--partial").code == 0


def test_any_read_can_be_asked_for_and_is_listed(run: Run, node: Served) -> None:
    assert run("query", "metagraph", "netuid=1", "--json").json()["netuid"] == 1
    assert "Nineteen" in run("query", "subnets").out
    assert "120" in run("query", "status").out
    listed = {each["name"] for each in run("query", "--json").json()}
    assert {"metagraph", "account", "why"} <= listed
    assert not {"shutdown", "tx_submit", "role_apply", "ask"} & listed, "only what changes nothing"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nonsense",), "no read"),
        (("shutdown",), "no read"),
        (("metagraph",), "netuid"),
        (("metagraph", "netuid=x"), "int"),
        (("metagraph", "netuid=70000"), "65535"),
        (("metagraph", "netuid=1", "netuid=2"), "twice"),
        (("metagraph", "uid=1"), "takes netuid"),
        (("metagraph", "rubbish"), "name=value"),
        (("tx_preview", "sender=x", "call=zz"), "hex"),
    ],
)  # fmt: skip
def test_a_question_that_does_not_fit_says_what_would(
    run: Run, node: Served, words: tuple[str, ...], told: str
) -> None:
    refused = run("query", *words)
    assert refused.code == 1
    assert told in refused.err
    assert node.api.calls == [], "no node was asked"


def test_the_catalogue_is_machine_readable_and_whole(run: Run) -> None:
    found = json.loads(run("tools").out)
    assert {each["name"] for each in found["calls"]} == {spec.name for spec in CALLS}
    account = next(each for each in found["reads"] if each["name"] == "quote_stake")
    assert [(each["name"], each["unit"]) for each in account["arguments"]][1] == ("amount_rao", "10^-9 τ")
    assert all(each["about"] and each["example"] and each["scope"] == "read" for each in found["reads"])
    assert json.loads(run("tools", "transfer").out)["calls"][0]["signed_by"] == "coldkey"
    assert run("tools", "nonsense").code == 1
