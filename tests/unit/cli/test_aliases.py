"""Promises of other tools' names: they mean exactly the same or nothing, and what is ours is never changed."""

import os
from pathlib import Path

import click
import pytest

from node.cli import cli
from node.commands.aliases import ARGUMENTS, COMMANDS, FLAGS, rewrite
from tests.unit.cli.conftest import Run
from tests.unit.control.fake import BOB, Served


def read(*words: str, **environment: str) -> list[str]:
    return rewrite(cli, words, environment).arguments


@pytest.mark.parametrize(
    "words",
    [
        ("wallet", "list"), ("status", "--json"), ("stake", "add", "5", "--netuid", "1", "-y"), (), ("--help",),
        ("stake", "add", "--", "-5"), ("no-such", "-w", "x"), ("ask", "what is -n?"), ("logs", "-n", "20"),
        ("tx", "send", "transfer", "to=5F", "amount_rao=1", "-w", "savings"), ("service", "logs", "-n", "3", "-f"),
        ("role", "set", "miner", "-w", "a", "-y"), ("subnets",), ("light", "status", "--peer", "x"),
    ],
)  # fmt: skip
def test_what_is_ours_stays_as_it_is(words: tuple[str, ...]) -> None:
    assert read(*words) == list(words)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("w list --json-output", "wallet list --json"),
        ("st list", "stake list"),
        ("s metagraph --netuid 3", "metagraph 3"),
        ("subnets show --netuid 3", "subnets show 3"),
        ("wallet transfer --amount 5 --dest 5F --no-prompt", "wallet transfer --yes 5F 5"),
        ("wallet transfer --dest=5F --amount=5 --wallet.name a", "wallet transfer --wallet a 5F 5"),
        ("wallet transfer 5F --amount 5", "wallet transfer 5F 5"),
        ("stake add --amount 5 --netuid 1 --wallet-name a", "stake add --netuid 1 --wallet a 5"),
        ("hparams get --netuid 1", "sudo get 1"),
        ("sudo set --netuid 1 tempo_blocks 360", "sudo set 1 tempo_blocks 360"),
        ("wallet balance --wallet.name savings", "wallet balance savings"),
        ("wallet show -w savings", "wallet show savings"),
        ("miner --no-prompt", "role set --yes miner"),
        ("sudo proposals", "proposals list"),
        ("localnet status", "devnet status"),
        ("subnets --json-output", "subnets --json"),
        ("wallet list -q", "wallet list"),
        ("-v wallet list", "wallet list"),
    ],
)
def test_other_tools_words_become_ours(theirs: str, ours: str) -> None:
    assert read(*theirs.split()) == ours.split()


@pytest.mark.parametrize("network", ["finney", "test", "wss://example.org:443"])
def test_a_network_that_is_none_of_ours_is_refused(run: Run, network: str) -> None:
    for flag in ("--network", "-n", "--subtensor.network"):
        refused = run("wallet", "balance", flag, network)
        assert refused.code == 2
        assert "neurond join" in refused.err


def test_a_network_names_a_home(run: Run, node: Served, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read("status", "--network", str(home)) == ["status", "--home", str(home)]
    monkeypatch.setenv("NEUROND_HOME", "/nowhere")
    assert run("subnets", "list", "--network", str(home), "--json-output").json()[0]["netuid"] == 1


def test_variables_stand_for_flags_that_are_not_given() -> None:
    assert read("stake", "add", "5", BT_WALLET="a") == ["stake", "add", "--wallet", "a", "5"]
    assert read("stake", "add", "5", "-w", "b", BT_WALLET="a") == ["stake", "add", "5", "-w", "b"]
    assert read("status", BT_WALLET="a") == ["status"], "a command without a wallet has no use for it"
    assert read("status", "--home", "/x", BT_NETWORK="local") == ["status", "--home", "/x"]


def test_a_hotkey_by_its_name_is_its_address(run: Run, home: Path) -> None:
    assert run("wallet", "create", "a", "--no-password", "--home", str(home)).code == 0
    address = run("wallet", "show", "a", "--json").json()["hotkeys"][0]["address"]
    for given in (("-H", "a/default"), ("--wallet", "a", "-H", "default"), ("--wallet-hotkey", address)):
        words = read("stake", "add", "5", "--home", str(home), *given)
        assert words[words.index("--hotkey") + 1] in (address,)
    with pytest.raises(click.UsageError, match="no hotkey"):
        read("stake", "add", "5", "--home", str(home), "-H", "a/other")
    assert read("stake", "add", "5", "-H", BOB)[:4] == ["stake", "add", "--hotkey", BOB]


def test_an_unknown_flag_is_still_refused_by_its_own_name(run: Run) -> None:
    refused = run("status", "--wallet.name", "x")
    assert refused.code == 2
    assert "--wallet.name" in refused.err
    assert run("wallet", "transfer", "--dest").code == 2


def test_every_alias_leads_to_a_command_and_hides_none() -> None:
    context = click.Context(cli)
    for theirs, ours in COMMANDS.items():
        found: click.Command | None = cli
        for word in ours:
            if isinstance(found, click.Group):
                found = found.get_command(context, word)
        assert found is not None, ours
        first = cli.get_command(context, theirs[0])
        if len(theirs) == 1:
            assert first is None, f"{theirs} is a command of ours"


def test_quiet_and_verbose_are_taken_by_every_command(run: Run, node: Served) -> None:
    assert run("wallet", "transfer", BOB, "1", "-vv", "-w", "none").err.count("code wallet_not_found") == 1
    assert "code" not in run("wallet", "transfer", BOB, "1", "-w", "none").err
    told, silent = run("record", os.devnull, "--for", "0.1s"), run("record", os.devnull, "--for", "0.1s", "-q")
    assert (told.code, silent.code) == (1, 1)


def test_the_tables_are_listed(run: Run) -> None:
    listed = run("help-aliases", "--json").json()
    assert {each["theirs"] for each in listed} >= {"w", "--wallet.name", "$BT_WALLET", "--network"}
    assert len(listed) > len(COMMANDS) + len(ARGUMENTS)
    assert all(ours.startswith("--") for ours in FLAGS.values())


@pytest.mark.parametrize(
    "command",
    [
        ("wallet", "transfer", BOB, "1"), ("sudo", "set", "1", "tempo_blocks", "360"), ("subnets", "create"),
        ("weights", "set", "--uids", "0,7", "--weights", "1,0.5"),
        ("stake", "add", "1", "--hotkey", BOB, "--tolerance", "9"),
    ],
)  # fmt: skip
def test_money_without_a_person_or_yes_is_declined_and_never_hangs(
    run: Run, node: Served, command: tuple[str, ...]
) -> None:
    assert run("wallet", "create", "--no-password").code == 0
    refused = run(*command)
    assert refused.code == 1
    assert "nobody is there" in refused.err
    assert node.api.submitted == []
    assert run(*command, "--no-prompt").code == 0
    assert len(node.api.submitted) == 1


def test_a_subnets_numbers_can_be_read(run: Run, node: Served) -> None:
    assert run("subnets", "hyperparameters", "1", "--json").json()[0]["name"] == "immunity_period"
    assert run("sudo", "get", "1", "immunity_period").out.split() == ["immunity_period", "100", "blocks"]
    assert run("sudo", "get", "1", "nonsense").code == 1
    assert run("subnets", "burn-cost", "1").out.strip() == "0.5 τ"
    assert run("subnets", "burn-cost", "9").code == 1


@pytest.mark.parametrize(
    ("uids", "weights"), [("0,1", "1"), ("0", "x"), ("-1", "1"), ("0", "-1"), ("0", "nan"), ("", "")]
)
def test_weights_that_do_not_fit_are_refused(run: Run, node: Served, uids: str, weights: str) -> None:
    assert run("wallet", "create", "--no-password").code == 0
    assert run("weights", "set", f"--uids={uids}", f"--weights={weights}", "-y").code == 1
    assert node.api.submitted == []
