"""A home remembers how it was started, and a damaged settings file never keeps a node from starting."""

from dataclasses import replace
from pathlib import Path

import pytest

from node.control.options import DaemonConfig
from node.service.home import Home, Settings, settings_from, with_last_settings, write_atomically

FULL = DaemonConfig(
    Path("/h"), listen=("/ip4/127.0.0.1/tcp/7",), bootstrap=("/ip4/127.0.0.1/tcp/8/p2p/x",), model="m", model_threads=2,
    model_store=Path("/s"), gateway_port=9, wallet="w", hotkey="k", cheat="random",
)  # fmt: skip


def test_a_bare_start_repeats_the_last_one(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.remember(settings_from(FULL, "miner"))
    again = with_last_settings(DaemonConfig(Path("/h")), home.settings_of_last_start())
    assert again == FULL
    assert home.settings_of_last_start().role == "miner"


def test_what_is_said_now_wins_over_what_was_said_then(tmp_path: Path) -> None:
    last = settings_from(FULL, "miner")
    now = with_last_settings(DaemonConfig(Path("/h"), listen=("/ip4/127.0.0.1/tcp/99",), model="n"), last)
    assert now.listen == ("/ip4/127.0.0.1/tcp/99",)
    assert now.model == "n"
    assert now.bootstrap == FULL.bootstrap


def test_a_new_role_changes_nothing_else(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.remember(settings_from(FULL, "miner"))
    home.remember_role("validator")
    assert home.settings_of_last_start() == settings_from(FULL, "validator")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"role": "king"}', b'{"listen": 5}', b"\xff" * 100])
def test_a_damaged_settings_file_means_defaults(tmp_path: Path, content: bytes) -> None:
    home = Home(tmp_path)
    write_atomically(home.settings, content)
    assert home.settings_of_last_start() == Settings()


def test_settings_of_a_newer_version_are_understood_as_far_as_known(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_atomically(home.settings, b'{"role": "miner", "colour": "blue"}')
    assert home.settings_of_last_start().role == "miner"


def test_what_somebody_chose_wins_even_where_it_is_the_default(tmp_path: Path) -> None:
    last = settings_from(FULL, "miner")
    said = DaemonConfig(tmp_path, gateway_port=0, given=frozenset({"gateway_port"}))
    assert with_last_settings(said, last).gateway_port == 0
    assert with_last_settings(DaemonConfig(tmp_path), last).gateway_port == FULL.gateway_port


def test_what_the_configuration_says_is_not_remembered(tmp_path: Path) -> None:
    told = frozenset({"gateway_port", "model_store", "listen"})
    kept = settings_from(replace(FULL, configured=told, given=told), "miner")
    assert (kept.gateway_port, kept.model_store, kept.listen) == (0, None, Settings().listen)
    assert kept.model == FULL.model
