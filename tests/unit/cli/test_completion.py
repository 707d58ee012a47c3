"""Promises of completion: scripts that their shells accept, quick answers, and nothing a shell could be tricked by."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from node.commands.completion import SHELLS, script
from tests.unit.cli.conftest import Run
from tests.unit.control.fake import Served

CHECKS = {"bash": ["bash", "-n"], "zsh": ["zsh", "-n"], "fish": ["fish", "--no-execute"]}


@pytest.fixture
def complete(run: Run, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]  # a small function
    def ask(line: str, shell: str = "bash") -> list[str]:
        words = line.split(" ")
        monkeypatch.setenv("_NEUROND_COMPLETE", f"{shell}_complete")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(len(words) - 1))
        outcome = run()
        monkeypatch.delenv("_NEUROND_COMPLETE")
        assert outcome.err == ""
        return outcome.out.split("\n")[:-1]

    return ask


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_what_the_shell_understands(shell: str, run: Run, tmp_path: Path) -> None:
    text = run("completion", shell).out
    assert text == script(shell)
    assert f"{shell}_complete" in text
    if shutil.which(CHECKS[shell][0]) is None:
        pytest.skip(f"{shell} is not installed")
    file = tmp_path / "script"
    file.write_text(text)
    assert subprocess.run([*CHECKS[shell], str(file)], check=False, capture_output=True).returncode == 0
    file.write_text(text.replace("}", "", 1).replace("end;", "", 1))
    assert subprocess.run([*CHECKS[shell], str(file)], check=False, capture_output=True).returncode != 0


LINES = {
    "bash": 'COMP_WORDS=(neurond config se); COMP_CWORD=2; _neurond_completion neurond; echo "${COMPREPLY[@]}"',
    "fish": 'complete -C "neurond wal"',
}
OFFERED = {"bash": "set", "fish": "wallet\tKeys, balances, transfers."}  # a description keeps its commas


@pytest.mark.parametrize("shell", LINES)
def test_a_real_shell_completes(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    (tmp_path / "script").write_text(script(shell))
    program = tmp_path / "neurond"
    program.write_text(
        f"#!/bin/sh\nexec {sys.executable} -c 'from node.cli import main; raise SystemExit(main())' \"$@\"\n"
    )
    program.chmod(0o755)
    line = f"source {tmp_path / 'script'}; {LINES[shell]}"
    environment = {
        **os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "NEUROND_HOME": str(tmp_path), "HOME": str(tmp_path),
    }  # fmt: skip
    outcome = subprocess.run([shell, "-c", line], check=True, capture_output=True, text=True, env=environment)
    assert outcome.stdout.strip() == OFFERED[shell]


def test_commands_options_and_settings_are_offered(complete) -> None:  # type: ignore[no-untyped-def]
    assert "plain,status" in complete("neurond ")
    assert complete("neurond sta") == ["plain,status", "plain,stake"]
    assert "plain,--foreground" in complete("neurond up --fo")
    assert complete("neurond up --role mi") == ["plain,miner"]
    assert complete("neurond config set gateway.po") == ["plain,gateway.port"]
    assert complete("neurond config set node.mdns f") == ["plain,false"]
    assert complete("neurond config se", "zsh")[:2] == ["plain", "set"]
    assert complete("neurond config set gateway.po", "fish")[0].startswith("plain,gateway.port\tThe HTTP port")


def test_the_whole_list_imports_no_command(run: Run, home: Path) -> None:
    code = (
        "import sys; from node.cli import main; main(); "
        "print([m for m in sys.modules if m.startswith('node.commands.') and m.split('.')[2] not in "
        "('lazy', 'completion', 'aliases', 'common', 'errors')], file=sys.stderr)"
    )
    environment = {**os.environ, "_NEUROND_COMPLETE": "bash_complete", "COMP_WORDS": "neurond ", "COMP_CWORD": "1"}
    outcome = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
    )  # fmt: skip
    assert "plain,up" in outcome.stdout
    assert outcome.stderr == "[]\n"


def test_values_come_from_the_home_and_its_node(complete, home: Path, node: Served) -> None:  # type: ignore[no-untyped-def]
    assert complete("neurond metagraph --netuid ")[0].startswith("plain,")
    (home / "wallets" / "savings").mkdir(parents=True)
    (home / "wallets" / "$(reboot)").mkdir()
    assert complete("neurond up --wallet ") == ["plain,savings"]  # and nothing that a shell would run
    (home / "config.toml").write_text("[profiles.lab.node]\n")
    assert complete("neurond up --profile l") == ["plain,lab"]


def test_nothing_is_said_when_there_is_nothing_to_say(complete, home: Path) -> None:  # type: ignore[no-untyped-def]
    home.mkdir()
    (home / "config.toml").write_text("broken")
    assert complete("neurond metagraph --netuid ") == []  # no node
    assert complete("neurond up --wallet ") == []  # no wallets
    assert complete("neurond up --profile ") == []
    assert "plain,--tolerance" in complete("neurond stake add --tol")


@pytest.mark.parametrize("asked", ["", "bash", "tcsh_complete", "bash_source_x", "_"])
def test_a_question_of_no_shell_is_no_crash(run: Run, monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.setenv("_NEUROND_COMPLETE", asked)
    monkeypatch.delenv("COMP_WORDS", raising=False)
    assert run().code == 1
    monkeypatch.setenv("_NEUROND_COMPLETE", "bash_complete")
    assert run().code == 1
