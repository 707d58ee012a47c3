"""Promises of `neurond init`: the same checks as the window, no secret in a file, nothing written before it begins."""

import socket
import stat
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from node.control.options import DevnetNode, DevnetOptions, DevnetStatus, ProgressSink
from node.control.schema import Hello
from node.control.setup import (
    EXAMPLE,
    Answers,
    HostAnswers,
    NetworkAnswers,
    Saved,
    WalletAnswers,
    read_answers,
)
from node.control.setup import faults as faults_of
from node.control.setup_files import forget, save, saved_setup, setup_path
from node.control.setup_host import home_step, host_steps, login_step, port_step
from node.control.setup_keys import new_words, strength, words_fault
from node.control.setup_run import Secrets, make_wallet, plan_of, set_up
from node.control.setup_views import CheckStep
from node.control.wallets import wallet_store
from node.ledger.genesis import format_genesis, genesis_state
from node.primitives.crypto import Ed25519Signer
from node.primitives.errors import NodeError
from node.primitives.types import Hash
from node.service.founding import Founder, devnet_genesis
from node.service.genesis_exchange import serve_genesis
from node.service.home import Home
from node.service.invite import write_invite
from node.service.lookaround import check_target, networks_near
from node.service.port_check import port_answers, step_of
from p2p import AddressReach, HostConfig, Network, Reachability, open_host
from p2p.addresses import parse_address
from p2p.lan_survey import Heard
from tests.unit.cli.conftest import Run
from tests.unit.control.fake import Served

PASSWORD = "correct horse battery"
COLDKEY = "5CiPPseXPECbkjWCa6MnjNokrgYjMqmKndv2rSnekmSK2DjL"
PEER = "12D3KooWQSztTaXGEy5t5Zvcwu4DNiEs8kMkkXgkZLzAmjX6wzTc"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Catches what would have been started."""
    found: list[str] = []

    def start_devnet(options: DevnetOptions, progress: ProgressSink) -> DevnetStatus:
        found.append("devnet")
        return DevnetStatus("/net", "devnet", "ab" * 32, (DevnetNode("node-0", "/net/node-0", "validator", True, 7),))

    monkeypatch.setattr("node.control.launcher.start_devnet", start_devnet)
    return found


# --- answers --------------------------------------------------------------------------------------------------------


def test_the_printed_example_is_read_as_the_defaults(run: Run) -> None:
    assert read_answers(run("init", "--print").out.encode(), "example") == Answers()
    assert run("init", "--print").out == EXAMPLE


def test_answers_survive_the_trip_through_their_file_with_every_odd_character(home: Path) -> None:
    odd = 'a "quoted" \\ folder\n\t\x7f é τ'
    saved = Saved(
        Answers(
            WalletAnswers("restore", "old", 24), NetworkAnswers("join", "nd1x"), host=HostAnswers(odd, 4001, 2000, True)
        ),
        "host",
    )
    save(home, saved)
    assert saved_setup(home) == saved
    assert stat.S_IMODE(setup_path(home).stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    forget(home)
    assert not home.exists(), "a home that held nothing else goes too"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"\xff", "no text"),
        (b"[wallet", "no TOML"),
        (b"[walet]\n", "unknown field"),
        (b"[wallet]\ndo = 'steal'\n", "$.wallet.do"),
        (b"[host]\nport = 'x'\n", "$.host.port"),
        (b"[wallet]\npassword = 'x'\n", "unknown field"),
        (b"#" * 20_000, "larger"),
        (b"a = " + b"[" * 9000, "answers.toml"),
    ],
)
def test_a_file_that_is_no_answers_is_told_with_its_place(text: bytes, word: str, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "answers.toml"
    file.write_bytes(text)
    outcome = run("init", "--from", str(file), "--yes")
    assert outcome.code == 1
    assert word in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        (Answers(WalletAnswers("new", "../up")), "wallet.name"),
        (Answers(WalletAnswers("watch", address=COLDKEY[:-1] + "M"), NetworkAnswers("join", "nd1x")), "wallet.address"),
        (Answers(WalletAnswers("new", unsafe=True), NetworkAnswers("join", "nd1x")), "wallet.unsafe"),
        (Answers(WalletAnswers("watch", address=COLDKEY)), "wallet.do"),
        (Answers(WalletAnswers("keep")), "wallet.do"),
        (Answers(network=NetworkAnswers("join", "hello")), "network.target"),
        (Answers(network=NetworkAnswers("join", "nd1" + "x" * 5000)), "network.target"),
        (Answers(network=NetworkAnswers("join", "nd1x", "zz")), "network.genesis"),
        (Answers(network=NetworkAnswers("devnet", "nd1x")), "network.target"),
        (Answers(host=HostAnswers("a\0b")), "host.home"),
        (Answers(host=HostAnswers(at_login=True)), "host.at_login"),
        (Answers(host=HostAnswers(port=70_000)), "host.port"),
        (Answers(host=HostAnswers(port=-1)), "host.port"),
        (Answers(host=HostAnswers(disk_mb=3)), "host.disk_mb"),
    ],
)
def test_answers_that_cannot_be_name_their_field(answers: Answers, field: str) -> None:
    assert field in {each.field for each in faults_of(answers)}


# --- the command ----------------------------------------------------------------------------------------------------


def test_a_dry_run_shows_everything_and_writes_nothing(
    run: Run, home: Path, tmp_path: Path, started: list[str]
) -> None:
    file = tmp_path / "answers.toml"
    file.write_text('[wallet]\ndo = "new"\n')
    outcome = run("init", "--from", str(file), "--dry-run")
    assert outcome.code == 0, outcome.err
    assert f"neurond devnet up --home {home}/devnet" in outcome.out
    assert "wallet create default --words 12" in outcome.out
    assert started == []
    assert not home.exists()


def test_without_agreement_or_a_password_nothing_begins(
    run: Run, home: Path, tmp_path: Path, started: list[str]
) -> None:
    file = tmp_path / "answers.toml"
    file.write_text('[wallet]\ndo = "new"\n')
    assert "Add --yes" in run("init", "--from", str(file)).err
    assert "NEUROND_PASSWORD" in run("init", "--from", str(file), "--yes").err
    assert started == []
    assert not home.exists()


def test_a_devnet_from_answers_has_the_wallet_of_the_words_that_were_told(
    run: Run, home: Path, tmp_path: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEUROND_PASSWORD", PASSWORD)
    file = tmp_path / "answers.toml"
    file.write_text('[wallet]\ndo = "new"\nwords = 24\n')
    outcome = run("init", "--from", str(file), "--yes", "--json")
    assert outcome.code == 0, outcome.err
    told = outcome.json()
    wallet = wallet_store(home / "devnet" / "node-0").open("default")
    assert wallet.address == told["coldkey"]
    assert wallet.sealed
    assert len(told["words"].split()) == 24
    assert wallet.matches_words(told["words"])
    assert started == ["devnet"]


def test_a_wallet_is_restored_from_piped_words_and_wrong_ones_leave_nothing(
    run: Run, home: Path, tmp_path: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEUROND_PASSWORD", PASSWORD)
    words = new_words(12)
    file = tmp_path / "answers.toml"
    file.write_text('[wallet]\ndo = "restore"\n')
    wrong = run("init", "--from", str(file), "--yes", stdin=" ".join(["zzz", *words.split()[1:]]) + "\n")
    assert "Word 1" in wrong.err
    assert started == []
    assert not (home / "devnet" / "node-0" / "wallets" / "default").exists()
    assert run("init", "--from", str(file), "--yes", stdin=words + "\n").code == 0
    assert wallet_store(home / "devnet" / "node-0").open("default").matches_words(words)


def test_without_a_file_and_without_a_terminal_it_says_what_to_name(run: Run) -> None:
    assert "--from FILE" in run("init", "--json").err
    assert "needs a terminal" in run("init").err


def test_a_home_in_use_is_refused(run: Run, node: Served, home: Path, tmp_path: Path) -> None:
    file = tmp_path / "answers.toml"
    file.write_text("")
    outcome = run("init", "--from", str(file), "--yes")
    assert outcome.code == 1
    assert "A node runs in" in outcome.err


# --- keys and host --------------------------------------------------------------------------------------------------


def test_a_second_try_goes_on_with_the_keys_of_the_first_and_other_words_never_replace_them(home: Path) -> None:
    answers = Answers(WalletAnswers("new", unsafe=True))
    secrets = Secrets(None, new_words(12))
    first, _ = make_wallet(answers, secrets, home, lambda _: None)
    again, _ = make_wallet(answers, secrets, home, lambda _: None)
    assert first is not None
    assert again is not None
    assert first.address == again.address
    with pytest.raises(NodeError, match="already"):
        make_wallet(answers, Secrets(None, new_words(12)), home, lambda _: None)


def test_a_watched_address_needs_no_secret(home: Path) -> None:
    answers = Answers(WalletAnswers("watch", "far", address=COLDKEY), NetworkAnswers("join", "nd1x"))
    made, words = make_wallet(answers, Secrets(), home, lambda _: None)
    assert made is not None
    assert (made.address, words) == (COLDKEY, None)
    assert not (made.path / "coldkey").exists()


def test_secrets_show_nothing_of_themselves() -> None:
    assert PASSWORD not in repr(Secrets(PASSWORD, "legal winner"))
    assert "legal" not in repr(Secrets(PASSWORD, "legal winner"))


@pytest.mark.parametrize(
    ("password", "level"),
    [("aaaaaaaaaaaa", 0), ("12345678", 0), ("password1", 0), ("Tr0ub4dor&3", 3), ("correct horse battery staple", 4)],
)
def test_a_password_is_judged_by_what_cannot_be_guessed(password: str, level: int) -> None:
    assert strength(password).level == level
    assert strength(password).fault == ""


def test_too_short_and_too_long_passwords_cannot_be_taken() -> None:
    assert "at least 8" in strength("short").fault
    assert "at most" in strength("é" * 600).fault


def test_what_is_wrong_with_words_names_a_place_and_no_word() -> None:
    words = new_words(12).split()
    fault = words_fault(" ".join([*words[:4], "xylophonist", *words[5:]]))
    assert "Word 5" in fault
    assert "xylophonist" not in fault
    assert words_fault(" ".join(words)) == ""


def test_a_home_that_is_a_file_or_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert home_step(tmp_path / "file").ok is False
    assert home_step(tmp_path / "file" / "below").ok is False
    assert home_step(tmp_path / ("x" * 300)).ok is False
    assert home_step(tmp_path / "new" / "home").ok is True
    assert not (tmp_path / "new").exists()


def test_a_port_that_is_taken_is_told() -> None:
    with socket.socket() as holder:
        holder.bind(("0.0.0.0", 0))
        holder.listen()
        assert port_step(holder.getsockname()[1]).ok is False
    assert port_step(0).ok is True


def test_a_plan_for_a_network_of_others_names_every_file_and_command(home: Path) -> None:
    answers = Answers(
        WalletAnswers("new", "savings"), NetworkAnswers("join", f"/ip4/192.0.2.7/tcp/4001/p2p/{PEER}", "ab" * 32),
        host=HostAnswers(port=4001, disk_mb=2000),
    )  # fmt: skip
    plan = plan_of(answers, home)
    assert f"{home}/wallets/savings/" in plan.files
    assert plan.commands[0] == f"neurond wallet create savings --words 12 --home {home}"
    for part in (
        "neurond up --bootstrap",
        f"--genesis-hash {'ab' * 32}",
        "--listen /ip4/0.0.0.0/tcp/4001",
        "--disk-mb 2000",
    ):
        assert part in plan.commands[1]


def joining(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Answers that join a network and start at login; the node itself is only said to run."""

    def join(home: Path, target: str, progress: ProgressSink, options: Sequence[str]) -> Hello:
        return Hello("0.1.0", 1, 1, 7, str(home), "running", network="lab", genesis_hash="ab" * 32)

    monkeypatch.setattr("node.control.launcher.join", join)
    return Answers(network=NetworkAnswers("join", "nd1x"), host=HostAnswers(at_login=True))


def test_a_node_that_is_to_start_at_login_becomes_a_service_and_is_not_started_twice(
    asked: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = joining(monkeypatch)
    plan = plan_of(answers, home)
    assert plan.commands[-1] == f"neurond service install --no-start --home {home}"
    assert login_step(home).ok is True
    assert not (tmp_path / "config").exists(), "looking writes nothing"
    assert set_up(answers, Secrets(), home, lambda _: None).note == ""
    (unit,) = (tmp_path / "config" / "systemd" / "user").iterdir()
    assert str(unit) in plan.files
    assert [line.split("--user ")[1].split()[0] for line in asked.read_text().splitlines()][-2:] == [
        "daemon-reload", "enable"
    ]  # fmt: skip


def test_without_a_manager_of_services_it_is_told_before_and_a_node_that_runs_is_not_called_failed(
    asked: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = joining(monkeypatch)
    monkeypatch.setenv("NO_BUS", "1")
    step = login_step(home)
    assert (step.ok, "Failed to connect to bus" in step.text) == (False, True)
    assert [each.name for each in host_steps(answers, home) if each.ok is False] == ["login"]
    made = set_up(answers, Secrets(), home, lambda _: None)
    assert made.network == "lab"
    assert "will not start at login" in made.note
    assert not (tmp_path / "config").exists()


def test_answers_that_do_not_fit_start_nothing(home: Path, started: list[str]) -> None:
    with pytest.raises(NodeError, match="Nothing says"):
        set_up(Answers(network=NetworkAnswers("join", "hello")), Secrets(), home, lambda _: None)
    assert started == []
    assert not home.exists()


# --- looking before joining -----------------------------------------------------------------------------------------

SPEC = devnet_genesis(
    "lab", [Founder(Ed25519Signer(bytes(32)).public, Ed25519Signer(b"\1" * 32).public)], [], start_ms=0, slot_ms=1000,
    epoch_slots=30, tempo=20, subnets=("nineteen",),
)  # fmt: skip


def host(folder: Path, name: str, *, listens: bool = True) -> AbstractAsyncContextManager[Network]:
    """A host on loopback."""
    return open_host(
        HostConfig(
            folder / f"{name}.key", ("/ip4/127.0.0.1/tcp/0",) if listens else (), agent=f"{name}/1", target_peers=0
        )
    )


def genesis_hash() -> Hash:
    return genesis_state(SPEC)[1].hash


async def test_a_good_invite_is_dialled_and_proves_its_genesis(tmp_path: Path) -> None:
    told: list[CheckStep] = []
    async with host(tmp_path, "node") as node, host(tmp_path, "own", listens=False) as own:
        serve_genesis(node, format_genesis(SPEC))
        text, _ = write_invite(Ed25519Signer(bytes(32)), "lab", genesis_hash(), node.addresses, now_ms())
        found = await check_target(own, text, Home(tmp_path / "h"), now_ms(), told.append)
    assert [(each.name, each.ok) for each in told[:3]] == [("read", True), ("dial", True), ("genesis", True)]
    assert found.problem == ""
    assert (found.network, found.genesis_hash) == ("lab", genesis_hash().hex())
    assert found.stake_threshold_rao == SPEC.parameters.stake_threshold_rao


async def test_a_node_of_another_network_is_found_out(tmp_path: Path) -> None:
    async with host(tmp_path, "node") as node, host(tmp_path, "own", listens=False) as own:
        serve_genesis(node, format_genesis(SPEC))
        text, _ = write_invite(Ed25519Signer(bytes(32)), "lab", Hash(b"\7" * 32), node.addresses, now_ms())
        found = await check_target(own, text, Home(tmp_path / "h"), now_ms())
    assert [each.ok for each in found.steps] == [True, True, False]
    assert "another network" in found.problem


async def test_a_home_of_another_network_is_found_out(tmp_path: Path) -> None:
    home = Home(tmp_path / "h")
    home.create()
    home.genesis.write_bytes(format_genesis(replace(SPEC, name="other")))
    async with host(tmp_path, "node") as node, host(tmp_path, "own", listens=False) as own:
        serve_genesis(node, format_genesis(SPEC))
        found = await check_target(own, node.addresses[0], home, now_ms())
    assert "belongs to another network" in found.problem


@pytest.mark.parametrize(
    ("target", "step"), [("nd1abc", "read"), ("expired", "read"), (f"/ip4/127.0.0.1/tcp/9/p2p/{PEER}", "dial")]
)
async def test_what_leads_nowhere_says_at_which_step(target: str, step: str, tmp_path: Path) -> None:
    if target == "expired":
        past_ms = now_ms() - 30 * 86_400_000
        target, _ = write_invite(
            Ed25519Signer(bytes(32)), "lab", genesis_hash(), (f"/ip4/192.0.2.7/tcp/9/p2p/{PEER}",), past_ms
        )
    async with host(tmp_path, "own", listens=False) as own:
        with trio.fail_after(20):
            found = await check_target(own, target, Home(tmp_path / "h"), now_ms())
    assert found.steps[-1].name == step
    assert found.steps[-1].ok is False
    assert found.problem


async def test_a_port_that_a_peer_comes_back_in_through_is_told_and_one_that_nobody_answers_for_is_not(
    tmp_path: Path,
) -> None:
    with trio.fail_after(40):
        async with host(tmp_path, "node") as node, host(tmp_path, "own") as own:
            serve_genesis(node, format_genesis(SPEC))
            text, _ = write_invite(Ed25519Signer(bytes(32)), "lab", genesis_hash(), node.addresses, now_ms())
            found = await port_answers(own, text, Home(tmp_path / "h"), now_ms())
            (own_port,) = {parse_address(each).port for each in own.addresses}
        assert found.ok is True
        assert found.text.endswith(f"/ip4/127.0.0.1/tcp/{own_port}")
        async with host(tmp_path, "own") as own:
            for nobody in ("nd1abc", f"/ip4/127.0.0.1/tcp/9/p2p/{PEER}"):
                found = await port_answers(own, nobody, Home(tmp_path / "h"), now_ms())
                assert (found.ok, "not tested" in found.text) == (None, True)


def test_a_port_that_nobody_reaches_is_told_with_what_to_do_and_stops_nobody() -> None:
    closed = AddressReach("/ip4/192.0.2.9/tcp/4001", 0, 1, "no answer within 3 s")
    step = step_of(Reachability("unreachable", "1 peer could not dial back; let TCP port 4001 through", (closed,)))
    assert step.ok is None
    assert "TCP port 4001" in step.text
    assert "works without" in step.text


async def test_a_network_nearby_counts_only_with_those_that_prove_it(tmp_path: Path) -> None:
    async with (
        host(tmp_path, "node") as node,
        host(tmp_path, "liar") as liar,
        host(tmp_path, "own", listens=False) as own,
    ):
        serve_genesis(node, format_genesis(SPEC))
        serve_genesis(liar, format_genesis(SPEC))
        heard = [
            Heard(genesis_hash().hex()[:16], node.peer_id, node.addresses),
            Heard("ab" * 8, liar.peer_id, liar.addresses),
            Heard("ab" * 8, PEER, (f"/ip4/127.0.0.1/tcp/9/p2p/{PEER}",)),
        ]
        (found,) = await networks_near(own, heard)
    assert (found.network, found.peers, found.addresses) == ("lab", 1, node.addresses[:1])


def now_ms() -> int:
    return time.time_ns() // 1_000_000
