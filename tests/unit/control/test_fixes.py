"""Advice of the doctor: only what is harmless is done from here, whatever a node says."""

import os
from pathlib import Path

import pytest

from node.control.errors import RepairRefused
from node.control.fixes import fix_of, repair
from node.control.schema import Check


def advice(text: str, home: Path) -> str:
    fix = fix_of(Check("keys", "bad", "x", text), home)
    return "none" if fix is None else fix.kind


def test_only_permissions_inside_the_home_and_a_start_are_safe(tmp_path: Path) -> None:
    key = tmp_path / "wallets" / "key"
    assert advice(f"Run: chmod 600 '{key}'; chmod 700 '{tmp_path}'", tmp_path) == "permissions"
    assert advice(f"Run: chmod 600 '{key}', then look again", tmp_path) == "permissions"
    assert advice("Start it: `neurond up`.", tmp_path) == "start"
    assert advice("", tmp_path) == "none"
    for text in (
        f"Run: chmod 777 '{key}'",
        "Run: chmod 600 '/etc/passwd'",
        f"Run: chmod 600 '{tmp_path}/../other'",
        f"Run: chmod 600 '{key}'; rm -rf '{tmp_path}'",
        "Run: `neurond up; rm x`",
        "Set the clock: `timedatectl set-ntp true`.",
    ):
        assert advice(text, tmp_path) == "show", text


def test_a_repair_takes_access_away_and_follows_no_link(tmp_path: Path) -> None:
    key, folder = tmp_path / "key", tmp_path / "wallets"
    key.touch(0o644)
    folder.mkdir(0o755)
    fix = fix_of(Check("keys", "bad", "x", f"Run: chmod 600 '{key}'; chmod 700 '{folder}'"), tmp_path)
    assert fix is not None
    assert repair(fix) == "2 paths are yours alone now."
    assert (key.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.touch(0o644)
    os.unlink(key)
    key.symlink_to(outside)
    with pytest.raises(RepairRefused, match="cannot be opened"):
        repair(fix)
    assert outside.stat().st_mode & 0o777 == 0o644


def test_what_is_only_shown_is_not_done(tmp_path: Path) -> None:
    fix = fix_of(Check("clock", "bad", "x", "Run: reboot"), tmp_path)
    assert fix is not None
    assert fix.command == "reboot"
    with pytest.raises(RepairRefused):
        repair(fix)


def test_a_node_cannot_steer_the_terminal_by_its_advice(tmp_path: Path) -> None:
    fix = fix_of(Check("x", "bad", "x", "Run: a\x1b[2J\u202eb"), tmp_path)
    assert fix is not None
    assert fix.command == "a [2J b"
