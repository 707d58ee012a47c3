"""Promises of `neurond invite`, `join --dry-run` and `peers`: bounds, QR code, a look before the leap."""

import time
from pathlib import Path

import msgspec
import pytest

from node.control.limits import INVITE_MAX_S
from node.primitives.crypto import Ed25519Signer
from node.primitives.types import Hash
from node.service.invite import write_invite
from tests.unit.cli.conftest import Run
from tests.unit.control.fake import ADDRESS, PEERS, Served

PEER = "12D3KooWQSztTaXGEy5t5Zvcwu4DNiEs8kMkkXgkZLzAmjX6wzTc"
HOST = f"/ip4/192.0.2.7/tcp/4001/p2p/{PEER}"
GENESIS = Hash(b"\x07" * 32)
DAY_MS = 86_400_000


def text_of(*addresses: str, age_ms: int = 0) -> str:
    now_ms = time.time_ns() // 10**6
    return write_invite(Ed25519Signer(bytes(32)), "lab", GENESIS, addresses or (HOST,), now_ms - age_ms)[0]


def test_an_invite_lasts_as_long_and_leads_where_it_was_asked_to(run: Run, node: Served) -> None:
    assert run("invite", "--for", "30d", "--address", HOST, "--only").code == 0
    assert node.api.calls[-1] == ("invite", (30 * 86_400, (HOST,), True))
    outcome = run("invite")
    assert node.api.calls[-1] == ("invite", (7 * 86_400, (), False))
    assert outcome.out == "nd1abc\n"
    assert ADDRESS in outcome.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--for", "30"), "30d"),
        (("--for", "1s"), "60s to 365d"),
        (("--for", f"{INVITE_MAX_S + 1}s"), "60s to 365d"),
        (("--for", "forever"), "365d"),
        (("--only",), "--address"),
        (("--address", HOST) * 9, "room for 8"),
        (("nd1abc",), "nd1abc"),
    ],
)
def test_an_invite_that_cannot_be_is_refused_before_a_node_is_asked(
    arguments: tuple[str, ...], word: str, run: Run, node: Served
) -> None:
    outcome = run("invite", *arguments)
    assert outcome.code == 2
    assert word in outcome.err
    assert node.api.calls == []


def test_a_qr_code_is_drawn_only_when_wanted_or_on_a_terminal(
    run: Run, node: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "█" not in run("invite").out  # a pipe
    drawn = run("invite", "--qr").out
    assert drawn.startswith("nd1abc\n█")
    assert "\x1b" not in drawn
    assert "█" not in run("invite", "--qr", "--json").out

    def terminal() -> bool:
        return True

    monkeypatch.setattr("sys.stdout.isatty", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "40")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "█" not in run("invite", "--no-qr").out
    assert "\x1b[30;107m" in run("invite").out


def test_showing_an_invite_asks_nobody_and_tells_everything(run: Run) -> None:
    outcome = run("invite", "show", text_of(HOST, "/ip4/192.0.2.7/udp/4001/quic-v1"))
    assert outcome.code == 0, outcome.err
    for word in ("lab", GENESIS.hex(), HOST, "no use here  /ip4/192.0.2.7/udp", "6d 23h", "nothing speaks against it"):
        assert word in outcome.out
    assert run("invite", "show", text_of(), "--json").json()["addresses"] == [HOST]


def test_an_expired_invite_can_be_looked_at_and_the_exit_code_says_no(run: Run) -> None:
    outcome = run("invite", "show", text_of(age_ms=8 * DAY_MS))
    assert outcome.code == 1
    assert "expired" in outcome.out


@pytest.mark.parametrize("text", ["nd1", "nd1abc", text_of()[:-1] + "1"])
def test_a_damaged_invite_is_one_sentence(text: str, run: Run) -> None:
    outcome = run("invite", "show", text)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)


def test_a_dry_run_shows_the_invite_and_starts_nothing(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object) -> None:
        raise AssertionError("a dry run starts nothing")

    monkeypatch.setattr("node.control.launcher.start", started)
    assert "lab" in run("join", text_of(), "--dry-run").out
    assert "first answer is believed" in run("join", HOST, "--dry-run").out
    assert not home.exists()


@pytest.mark.parametrize(
    ("target", "word"),
    [
        ("somewhere", "nd1"),
        ("/ip4/192.0.2.7/tcp/4001", "/p2p/"),
        ("/ip4/192.0.2.7/udp/4001/p2p/" + PEER, "TCP"),
        ("/ip4/192.0.2.7/tcp/4001/p2p/12D3KooWH0st", "peer id"),
        (text_of("/ip4/192.0.2.7/udp/4001/quic-v1"), "no address that this version can dial"),
        (text_of(age_ms=10 * DAY_MS), "expired 3 days ago"),
    ],
)
def test_joining_what_cannot_be_joined_starts_nothing_and_says_why(
    target: str, word: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(*_: object) -> None:
        raise AssertionError("nothing is to be started")

    monkeypatch.setattr("node.control.launcher.start", started)
    outcome = run("join", target)
    assert outcome.code in (1, 2)
    assert word in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_relayed_peer_is_listed_with_its_way_and_the_reason(run: Run, node: Served) -> None:
    node.api.now_peers = (msgspec.structs.replace(PEERS[0], route="relayed", route_reason="it cannot be dialled"),)
    outcome = run("peers")
    assert "relayed" in outcome.out
    assert "comes through a relay: it cannot be dialled" in outcome.out
    added = run("peers", "add", HOST)
    assert "through a relay: it cannot be dialled" in added.out


def test_adding_a_peer_that_was_there_says_so(run: Run, node: Served) -> None:
    assert "Was connected already to" in run("peers", "add", ADDRESS).out  # for 12.5 s, says the recorded one
    node.api.now_peers = (msgspec.structs.replace(PEERS[0], connected_s=0.0),)
    assert run("peers", "add", ADDRESS).out.startswith("Connected to")


def test_an_invite_broken_into_words_by_a_mail_is_one_again(run: Run) -> None:
    invite = text_of()
    outcome = run("join", invite[:40], invite[40:80], f"{invite[80:120]}\n {invite[120:]}", "--dry-run")
    assert (outcome.code, "lab" in outcome.out) == (0, True), outcome.err
    assert run("join", HOST, HOST, "--dry-run").code == 2


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("192.0.2.7:4001", "/ip4/192.0.2.7/tcp/4001, and add /p2p/"),
        ("http://node.example.org:4001/", "/dns/node.example.org/tcp/4001, and add /p2p/"),
        ("[2001:db8::7]:4001", "/ip6/2001:db8::7/tcp/4001, and add /p2p/"),
        ("/ip4/192.0.2.7/tcp/4001", "does not say who listens there"),
        (PEER, "that is a peer id"),
        ("hello", "an invite (nd1…) or a node's address"),
        (f"/ip4/0.0.0.0/tcp/4001/p2p/{PEER}", "nobody can dial 0.0.0.0 port 4001"),
        (f"/ip6/fe80::7/tcp/4001/p2p/{PEER}", "nobody can dial fe80::7"),
        (f"/ip4/192.0.2.7/tcp/0/p2p/{PEER}", "nobody can dial 192.0.2.7 port 0"),
    ],
)
def test_what_cannot_be_joined_is_told_with_what_to_write_instead(target: str, said: str, run: Run) -> None:
    outcome = run("join", target)
    assert outcome.code == 2
    assert said in outcome.err
