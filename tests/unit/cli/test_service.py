"""Promises of `neurond service`: files that their managers accept, shown before they are written, never root's."""

import os
import plistlib
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from node.control import service_manager
from node.control.errors import ServiceUnavailable
from node.control.service_units import kept_environment, launchd_agent, service_name, systemd_unit
from node.service.notify import tell_manager
from tests.unit.cli.conftest import Run


def unit(tmp_path: Path) -> Path:
    (found,) = (tmp_path / "config" / "systemd" / "user").glob("neurond-*.service")
    return found


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("home", ["/srv/neurond", "/srv/a b/100% $HOME \"quoted\" 'x'\\y"])
def test_systemd_accepts_the_unit_and_reads_the_command_as_it_is(home: str, tmp_path: Path) -> None:
    text = systemd_unit([sys.executable, "up", "--home", home], Path(home), {"NEUROND_CONFIG": "/srv/c d%.toml"})
    file = tmp_path / "neurond.service"
    file.write_text(text)
    outcome = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--recursive-errors=no", str(file)],
        capture_output=True, text=True, check=False, timeout=60, env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )  # fmt: skip
    complaints = [line for line in outcome.stderr.splitlines() if "neurond.service" in line]
    assert (complaints, outcome.returncode) == ([], 0), outcome.stderr
    file.write_text(text.replace("Type=notify", "Type=never"))  # the check can fail
    outcome = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--recursive-errors=no", str(file)],
        capture_output=True, text=True, check=False, timeout=60, env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )  # fmt: skip
    assert "neurond.service" in outcome.stderr


def test_the_agent_is_a_property_list() -> None:
    agent = plistlib.loads(launchd_agent("org.neurond", ["/bin/n", "up"], Path("/h/<&>"), {"A": "b"}).encode())
    assert agent["ProgramArguments"] == ["/bin/n", "up"]
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert agent["StandardOutPath"] == "/h/<&>"


def test_a_path_that_no_unit_can_hold_is_refused() -> None:
    with pytest.raises(ServiceUnavailable, match="cannot be written"):
        systemd_unit(["/bin/n\nExecStart=/bin/evil"], Path("/h"), {})
    assert "\nExecStart=/bin/evil" not in systemd_unit(["/bin/n"], Path("/h\nExecStart=/bin/evil"), {})


def test_each_home_has_a_service_of_its_own_and_no_secret_goes_along() -> None:
    usual = Path("/u")
    assert service_name(usual, usual) == "neurond"
    assert service_name(Path("/a"), usual) != service_name(Path("/b"), usual)
    assert kept_environment({"NEUROND_PASSWORD": "x", "NEUROND_MODELS": "/m"}) == {"NEUROND_MODELS": "/m"}


def test_a_dry_run_shows_the_file_and_asks_nobody(run: Run, asked: Path, tmp_path: Path) -> None:
    outcome = run("service", "install", "--dry-run")
    assert "ExecStart=" in outcome.out
    assert "systemctl --user enable" in outcome.out
    assert not (tmp_path / "config").exists()
    assert asked.read_text() == ""


def test_it_is_installed_started_stopped_and_removed(run: Run, asked: Path, tmp_path: Path, home: Path) -> None:
    assert run("service", "status").code == 1
    assert run("service", "start").code == 1  # nothing is installed
    assert run("service", "install").code == 0
    file = unit(tmp_path)
    assert f'"up" "--foreground" "--home" "{home}"' in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert [line.split("--user ")[1].split()[0] for line in asked.read_text().splitlines()] == [
        "show-environment", "daemon-reload", "enable", "start"
    ]  # fmt: skip
    assert run("service", "status", "--json").json()["active"] is True
    file.write_text("[Service]\n")
    assert "not what this version writes" in run("service", "status").out
    assert run("service", "stop").code == 0
    assert run("service", "status").code == 1
    assert run("service", "uninstall", "--dry-run").code == 0
    assert file.exists()
    assert "is removed" in run("service", "uninstall").out
    assert not file.exists()
    assert "No service is installed" in run("service", "uninstall").out


def test_where_no_manager_answers_nothing_is_written(
    run: Run, asked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_BUS", "1")
    outcome = run("service", "install")
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "Failed to connect to bus" in outcome.err
    assert "neurond up" in outcome.err
    assert not (tmp_path / "config").exists()
    monkeypatch.setenv("PATH", "/nonexistent")
    assert "systemctl is missing" in run("service", "install").err
    monkeypatch.setattr(service_manager.sys, "platform", "win32")
    assert "neither" in run("service", "install", "--dry-run").err


def test_sudo_and_links_and_broken_settings_are_refused(
    run: Run, asked: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("service", "install")
    file = unit(tmp_path)
    run("service", "uninstall")
    file.symlink_to(tmp_path / "elsewhere")
    assert "is a link" in run("service", "install").err
    assert not (tmp_path / "elsewhere").exists()
    (home / "config.toml").write_text("[node]\nrole = 1\n")
    assert "line 2" in run("service", "install").err
    (home / "config.toml").unlink()
    monkeypatch.setenv("SUDO_UID", "1000")
    monkeypatch.setattr(service_manager.os, "getuid", lambda: 0)
    assert "sudo" in run("service", "install").err


def test_the_node_tells_its_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tell_manager("running", "")  # nobody asked
    path = str(tmp_path / "n.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        tell_manager("starting", "opening the chain")
        tell_manager("running", "")
        tell_manager("stopping", "")
        said = [manager.recv(500).decode() for _ in range(3)]
    assert said[0].startswith("STATUS=opening the chain\nEXTEND_TIMEOUT_USEC=")
    assert said[1:] == ["STATUS=running\nREADY=1", "STATUS=stopping\nSTOPPING=1"]
    tell_manager("running", "")  # gone
