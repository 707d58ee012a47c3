"""Promises of every command: a readable table, stable JSON, and one sentence when something is wrong."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest

from node.cli import cli
from node.control.client_sync import SyncClient
from node.control.errors import ConnectionLost
from node.control.events import GapEvent, LogEvent
from node.control.schema import (
    Account,
    BanInfo,
    BudgetView,
    ChannelBoard,
    Checkup,
    Invite,
    Metagraph,
    NodeStatus,
    PeerInfo,
    PeerPing,
    Redeemed,
    RolePlan,
    SubnetInfo,
)
from node.primitives.errors import InvariantBroken, LedgerError
from tests.unit.cli.conftest import Run
from tests.unit.control.fake import ADDRESS, ALICE, ANSWER, BOB, CHECKUP, INVITE, LINES, PEER, STATUS, Served
from tui.options import Options


def leaves(command: click.Command = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that lead to it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from leaves(found, (*path, name))


ALL = dict(leaves())
REQUIRED = {
    "up", "down", "status", "doctor", "devnet up", "devnet down", "devnet status", "join", "invite new", "invite show",
    "role show",
    "role plan", "role set", "ask", "wallet create", "wallet restore", "wallet list", "wallet balance",
    "wallet transfer",
    "channels list", "channels open", "channels topup", "channels close", "channels redeem", "budget show",
    "budget set",
    "wallet show", "stake add", "stake remove", "stake list", "stake quote", "subnets list", "subnets show",
    "metagraph", "peers list", "peers bans", "peers add", "peers ban", "peers unban", "peers ping", "models list",
    "models pull", "models verify", "logs", "db check", "db info", "explain", "light status", "light balance",
    "light stakes", "light subnet", "light neuron", "light metagraph", "light checkpoint",
}  # fmt: skip


PRINTERS = {("completion",), ("config", "schema")}
"""Print a script or a schema, the same for every home, and nothing else."""


def test_all_commands_are_there() -> None:
    assert {" ".join(path) for path in ALL} >= REQUIRED


@pytest.mark.parametrize("path", sorted(ALL), ids=" ".join)
def test_every_command_has_help_with_an_example(path: tuple[str, ...], run: Run) -> None:
    outcome = run(*path, "--help")
    assert outcome.code == 0
    assert "Example" in outcome.out
    if not isinstance(ALL[path], click.Group) and path not in PRINTERS:
        assert "--home" in outcome.out
        assert "--json" in outcome.out


_HELP_OF_ALL = """
import sys
import click
from node.cli import cli

def visit(words, found):
    heavy = [name for name in {heavy!r} if name in sys.modules]
    if heavy:
        sys.exit(f"neurond {{' '.join(words)}} --help loads {{', '.join(heavy)}}")
    if isinstance(found, click.Group):
        context = click.Context(found)
        for name in found.list_commands(context):
            visit((*words, name), found.get_command(context, name))

visit((), cli)
"""


def test_help_of_every_command_is_quick_because_heavy_modules_stay_out() -> None:
    heavy = (
        "trio", "asyncio", "rich", "textual", "libp2p", "numpy", "onnxruntime", "pyarrow", "sqlite3", "sqlite_utils",
        "nacl", "ssl", "http.client", "mnemonic", "storage", "node.control.actions", "node.service.app",
    )  # fmt: skip
    finished = subprocess.run(
        [sys.executable, "-c", _HELP_OF_ALL.format(heavy=heavy)],
        capture_output=True, text=True, cwd=Path(__file__).parents[3], check=False,
    )  # fmt: skip
    assert finished.stderr == ""
    assert finished.returncode == 0


@pytest.mark.parametrize(
    ("command", "words", "kind"),
    [
        ("status", ("devnet", "miner", "uid 7", "120", PEER, "100 τ", "1m 1s", "peers can dial"), NodeStatus),
        ("peers list", (PEER, "8 ms", "neurond/0.1.0"), tuple[PeerInfo, ...]),
        ("peers", (PEER, "sends junk", "59m 50s"), tuple[PeerInfo, ...]),
        ("peers bans", (PEER, "sends junk"), tuple[BanInfo, ...]),
        (f"peers add {ADDRESS}", (PEER, "neurond/0.1.0"), PeerInfo),
        (f"peers ban {PEER} --for 12h --reason junk", (PEER, "12h 0m", "junk"), BanInfo),
        (f"peers unban {PEER}", (PEER, "59m 50s"), BanInfo),
        (f"peers ping {PEER} --count 1", ("8.2 ms", "median 8.2"), tuple[PeerPing, ...]),
        ("subnets list", ("Nineteen", "0.25 τ", "15/20", "5/256"), tuple[SubnetInfo, ...]),
        ("subnets show 1", ("Nineteen", "immunity_period", "100 blocks"), SubnetInfo),
        ("metagraph 1", ("validator", "miner", "50.00 %", "4 α", "2 blocks ago"), Metagraph),
        (f"wallet balance {ALICE}", (ALICE, "100 τ", "20 α", "5 τ"), Account),
        (f"stake list {ALICE}", ("20 α",), None),
        ("stake quote 10", ("39.6 α", "0.25 τ → 0.255 τ", "0.99 %"), None),
        ("stake quote 4 --unstake", ("0.98 τ", "4 α"), None),
        ("channels", ("0d0d0d0d…", "earns", "closing, until block 1,220", "0.05 τ", "pays", "1.9986 τ"), ChannelBoard),
        ("channels redeem -y", ("0.05 τ",), Redeemed),
        ("budget", ("0.01 τ", "0.5 τ", "9 τ"), BudgetView),
        ("budget set --per-day 1 -y", ("0.01 τ",), BudgetView),
        ("role show", ("miner",), None),
        ("role plan validator", ("miner → validator", "✗ stake: 5 τ, needed: 1 000 τ", "drain"), RolePlan),
        ("models list", ("smollm2-135m-instruct", "98 MB", "ready"), None),
        ("models pull", ("is ready",), None),
        ("models verify", ("is sound",), None),
        ("logs -n 2", ("chain: imported block 3",), None),
        ("invite", ("nd1abc",), Invite),
        ("ask Paris?", ("The capital of France is Paris.",), None),
        ("down", ("stopped",), None),
    ],
)
def test_a_command_shows_a_table_and_the_same_as_json(
    command: str, words: tuple[str, ...], kind: type | None, run: Run, node: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.control.launcher.stop", lambda *_, **__: True)
    outcome = run(*command.split())
    assert outcome.code == 0, outcome.err
    assert all(word in outcome.out for word in words), outcome.out
    as_json = run(*command.split(), "--json")
    assert as_json.code == 0
    json.loads(as_json.out)
    if kind is not None:
        msgspec.json.decode(as_json.out, type=kind)


@pytest.mark.parametrize(("words", "seconds"), [("90s", 90.0), ("15m", 900.0), ("12h", 43_200.0), ("30d", 2_592_000.0)])
def test_a_ban_lasts_as_long_as_it_was_asked_for(words: str, seconds: float, run: Run, node: Served) -> None:
    assert run("peers", "ban", PEER, "--for", words).code == 0
    assert ("peer_ban", (PEER, seconds, "")) in node.api.calls


@pytest.mark.parametrize("words", ["", "0s", "1", "1w", "-5m", "99999999d", "1.5h"])
def test_a_length_of_a_ban_that_means_nothing_is_refused(words: str, run: Run, node: Served) -> None:
    outcome = run("peers", "ban", PEER, f"--for={words}")
    assert outcome.code == 2
    assert "90s, 15m, 12h" in outcome.err


def test_the_doctor_fails_the_command_when_something_is_bad(run: Run, node: Served) -> None:
    outcome = run("doctor")
    assert outcome.code == 1
    assert all(word in outcome.out for word in ("✓ ok", "✗ bad", "this node is alone", "peers add")), outcome.out
    as_json = run("doctor", "--json")
    assert as_json.code == 1
    assert msgspec.json.decode(as_json.out, type=Checkup) == CHECKUP


def test_the_doctor_looks_at_the_home_of_a_stopped_node(run: Run, home: Path) -> None:
    home.mkdir(mode=0o700)
    outcome = run("doctor", "--json")
    found = msgspec.json.decode(outcome.out, type=Checkup)
    assert found.checks[0].found.startswith("stopped")
    assert {"disk", "memory", "keys", "database", "model", "GPU"} <= {check.name for check in found.checks}
    assert outcome.code == (0 if found.healthy else 1)
    home.chmod(0o755)
    exposed = run("doctor")
    assert exposed.code == 1
    assert f"chmod 700 '{home}'" in exposed.out.replace("\n", "")


def test_status_as_json_has_the_promised_keys_and_the_nodes_values(run: Run, node: Served) -> None:
    shown = run("status", "--json").json()
    promised = {
        "peer_id", "addresses", "network", "genesis_hash", "role", "height", "finalized_height", "finalized_hash",
        "state_root", "peers", "version",
    }  # fmt: skip
    assert promised <= set(shown)
    assert shown == json.loads(msgspec.json.encode(STATUS))


COMMANDS_OF_A_NODE = (
    "status", "peers list", "subnets list", "metagraph", "role show", "role plan miner", "ask Hello", "invite",
    f"wallet balance {ALICE}", "stake quote 1", "logs -f",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS_OF_A_NODE)
def test_without_a_node_the_sentence_says_how_to_start_one(command: str, run: Run, home: Path) -> None:
    outcome = run(*command.split())
    assert outcome.code == 1
    assert outcome.out == ""
    assert outcome.err.startswith("neurond: No node is running")
    assert "neurond up" in outcome.err
    assert outcome.err.count("\n") == 1
    as_json = run(*command.split(), "--json")
    assert as_json.code == 1
    assert as_json.json()["error"]["code"] == "not_running"


def test_a_refusal_of_the_node_is_one_sentence_with_its_remedy(run: Run, node: Served) -> None:
    node.api.trouble["status"] = LedgerError("Too little.", remedy="Add some.")
    outcome = run("status")
    assert (outcome.code, outcome.out, outcome.err) == (1, "", "neurond: Too little. Add some.\n")


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("wallt", "Did you mean 'wallet'?"),
        ("wallet balnce", "Did you mean 'balance'?"),
        ("history", "There is `neurond wallet history`."),
        ("balance", "There is `neurond wallet balance` or `neurond light balance`."),
        ("xyzzy", "No such command 'xyzzy'. See"),
        ("run", "See `neurond --help`."),
    ],
)
def test_a_command_that_is_none_names_the_one_that_was_meant(command: str, told: str, run: Run) -> None:
    outcome = run(*command.split())
    assert outcome.code == 2
    assert told in outcome.err


@pytest.mark.parametrize(
    "command",
    [
        "nonsense", "--nonsense", "status --nonsense", "stake add", "stake add -5", "stake add 1e9", "stake add NaN",
        "stake remove x", "stake add 1 --netuid 70000", "stake add 1 --tolerance x", "stake add 1 --tolerance 100",
        "subnets show x", "role set king", "ask", "logs -n 0", "logs --level loud", "up --gateway-port 70000",
        "up --gateway-port x", "up --listen 4001", "up --bootstrap /ip4/1.2.3.4/tcp/1", "up --genesis-hash 12",
        "up --role king", "join", "join somewhere", "devnet up --nodes 0", "devnet up --cheat nicely",
        "devnet up --nodes 2 --authorities 3",
        "channels open x 1 --days nan", "channels open x 1 --days inf",
        "channels open x 1 --days 1e300", "ask x --temperature nan", "models bench --seconds nan",
        "wallet create --words 13", "wallet transfer x", "--home /x status",
    ],
)  # fmt: skip
def test_wrong_arguments_are_one_sentence_and_exit_code_2(
    command: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NEUROND_HOME")
    outcome = run(*command.split())
    assert outcome.code == 2, outcome.err
    assert outcome.out == ""
    assert outcome.err.startswith("neurond: ")
    assert "--help" in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_defect_shows_no_traceback_but_keeps_one(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise InvariantBroken("two and two are five")

    monkeypatch.setattr("node.commands.lifecycle.show_status", broken)
    outcome = run("status")
    assert outcome.code == 1
    assert "Traceback" not in outcome.err
    assert "two and two" not in outcome.err
    kept = Path(outcome.err.split("Please report ")[1].strip().rstrip("."))
    assert "two and two are five" in kept.read_text()
    kept.unlink()


def test_ctrl_c_ends_with_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("node.commands.lifecycle.show_status", interrupted)
    outcome = run("status")
    assert (outcome.code, outcome.err.strip()) == (130, "neurond: Interrupted.")


MAIN = "import sys; from node.cli import main; sys.exit(main())"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_like_nobody_there(closed: str, run: Run, node: Served, home: Path, tmp_path: Path) -> None:
    assert run("wallet", "create", "--no-password").code == 0
    for command, code in ((f"wallet transfer {BOB} 1", 1), ("wallet list", 0)):
        done = subprocess.run(
            f'"{sys.executable}" -c "{MAIN}" {command} {closed}', shell=True, capture_output=True, text=True,
            check=False, timeout=60, env={**os.environ, "NEUROND_HOME": str(home), "TMPDIR": str(tmp_path)},
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        assert list(tmp_path.glob("neurond-*.txt")) == []  # no defect
    assert not node.api.submitted


def test_a_terminal_without_greek_letters_shows_what_it_can(node: Served, home: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "NEUROND_HOME": str(home), "TMPDIR": str(tmp_path), "PYTHONIOENCODING": "latin-1"}
    line = [sys.executable, "-c", MAIN, "wallet", "balance", BOB]
    done = subprocess.run(line, capture_output=True, check=False, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr
    assert b" ?" in done.stdout


def test_bytes_that_are_no_text_are_a_usage_error(run: Run, node: Served) -> None:
    assert run("wallet", "create", "--no-password").code == 0
    names = ("url", "github_repo", "image", "discord", "description", "additional")
    identity = ("tx", "send", "set_identity", "name=\udcff", *(f"{name}=" for name in names))
    for command in (("ask", "\udcff"), identity):
        outcome = run(*command)
        assert (outcome.code, "no text" in outcome.err) == (2, True)


def test_a_full_disk_is_told_as_such(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/data/x")

    monkeypatch.setattr("node.commands.lifecycle.show_status", full)
    outcome = run("status")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("neurond: /data/x: No space left on device.")


def test_an_answer_streams_and_its_origin_is_told_apart_from_it(run: Run, node: Served) -> None:
    outcome = run("ask", "Hello", "--max-tokens", "5", "--system", "Be brief.")
    assert outcome.out == "".join(ANSWER) + "\n"
    assert BOB in outcome.err
    name, (messages, model, max_tokens, temperature) = node.api.calls[-1]
    assert (name, model, max_tokens, temperature) == ("ask", None, 5, None)
    assert [message.role for message in messages] == ["system", "user"]  # type: ignore[attr-defined]
    shown = run("ask", "Hello", "--json").json()
    assert shown["text"] == "".join(ANSWER)
    assert shown["done"]["miner"] == BOB


def test_a_question_can_be_piped_in(run: Run, node: Served) -> None:
    assert run("ask", "-", stdin="From a file").code == 0
    assert node.api.calls[-1][1][0][0].content == "From a file"  # type: ignore[index]
    assert run("ask", "-", stdin="").code == 2


def test_the_log_of_a_stopped_node_comes_from_its_file(run: Run, home: Path) -> None:
    assert "no node has run there" in run("logs").err
    home.mkdir()
    (home / "daemon.log").write_text("first\nsecond\n")
    outcome = run("logs", "-n", "1")
    assert (outcome.code, outcome.out) == (0, "second\n")
    assert "not running" in outcome.err


def test_following_the_log_repeats_nothing(run: Run, node: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def events(*_: object, **__: object):  # type: ignore[no-untyped-def]
        yield LogEvent(1, LINES, snapshot=True)
        yield GapEvent(2, "log", 7)
        yield LogEvent(3, (msgspec.structs.replace(LINES[-1], seq=9, message="new"),))
        raise ConnectionLost("The daemon closed the connection.")

    monkeypatch.setattr(SyncClient, "stream", events)
    outcome = run("logs", "-f")
    assert outcome.code == 1
    assert [line.split(": ", 1)[1] for line in outcome.out.splitlines()] == [
        *(line.message for line in LINES),
        "new",
    ]
    assert "7 lines were lost" in outcome.err


def test_join_connects_a_running_node(run: Run, node: Served) -> None:
    outcome = run("join", INVITE.text)
    assert (outcome.code, outcome.out) == (0, f"Connected to {PEER} of devnet.\n")
    assert ("join", (INVITE.text,)) in node.api.calls


def test_a_missing_subnet_is_named(run: Run, node: Served) -> None:
    outcome = run("subnets", "show", "9")
    assert outcome.code == 1
    assert "no subnet 9" in outcome.err


def test_a_group_without_a_command_shows_its_help(run: Run) -> None:
    outcome = run("config")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("Usage: neurond config ")
    assert outcome.err.endswith("\n")


def test_explain_says_how_an_amount_of_rao_is_written(run: Run) -> None:
    """`amount_rao=5` is five τ; who reads "τ in rao" and writes 5000000000 must not be left to find out."""
    assert "whole τ" in next(line for line in run("explain", "transfer").out.splitlines() if "amount_rao" in line)


def test_explain_knows_every_error_and_every_call(run: Run) -> None:
    everything = run("explain", "--json").json()
    codes = {each["code"] for each in everything["errors"]}
    assert {"not_running", "wrong_password", "ledger_error", "declined", "bad_amount"} <= codes
    assert {"transfer", "add_stake", "set_weights"} <= {each["name"] for each in everything["calls"]}
    assert all(each["meaning"] for each in everything["errors"])
    assert "neurond up" in run("explain", "not_running").out
    assert "amount_rao" in run("explain", "add_stake").out
    assert run("explain", "no_such_thing").code == 1


def test_bare_neurond_opens_the_window_on_the_home(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[Path, Options]] = []
    monkeypatch.setattr("tui.app.run", lambda home, *, options: opened.append((home, options)) or 0)
    assert run().code == 0
    monkeypatch.delenv("NEUROND_HOME")
    assert run("--home", str(home / "other"), "--read-only").code == 0
    assert run("--home", str(home), "--ascii").code == 0
    careful, plain = Options(read_only=True), Options(ascii_only=True)
    assert opened == [(home, Options()), (home / "other", careful), (home, plain)]
    refused = run("--read-only", "wallet", "list")
    assert refused.code == 2
    assert "without a command" in refused.err


def test_the_version_is_printed(run: Run) -> None:
    assert run("--version").out.startswith("neurond ")
