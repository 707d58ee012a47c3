"""What the configuration says reaches the window: colours, limits before money moves; a broken file opens it anyway."""

import asyncio
from pathlib import Path

import pytest

from tests.unit.tui.fake import FakePort, FrozenClock, until
from tui.app import NeurondApp
from tui.configured import configured
from tui.options import DEFAULTS, Options


def test_without_a_file_a_window_is_as_it_always_was(tmp_path: Path) -> None:
    assert configured(tmp_path, DEFAULTS, {}) == DEFAULTS


def test_the_file_counts_and_flags_win(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        '[window]\ntheme = "light"\nread_only = true\ndesktop_alerts = true\n'
        "[money]\ntyped_above = 2.5\nhold_seconds = 0\ntolerance = 0.7\nauto_lock_minutes = 1\n"
    )
    found = configured(tmp_path, Options(ascii_only=True), {})
    assert (found.theme, found.ascii_only, found.read_only, found.desktop_alerts) == ("light", True, True, True)
    assert (found.typed_above_rao, found.hold_steps, found.tolerance, found.auto_lock_s) == (
        2_500_000_000,
        0,
        "0.7",
        60.0,
    )
    assert configured(tmp_path, Options(theme="contrast"), {}).theme == "contrast"
    assert configured(tmp_path, DEFAULTS, {"NEUROND_WINDOW_THEME": "dark"}).theme == "dark"


def test_a_broken_file_gives_the_careful_defaults_and_a_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text("[money]\ntyped_above = -1\n")
    found = configured(tmp_path, DEFAULTS, {})
    assert found.typed_above_rao == DEFAULTS.typed_above_rao
    assert "line 2: money.typed_above" in found.notice
    told: list[str] = []
    monkeypatch.setattr(NeurondApp, "notify", lambda _, message, **__: told.append(message))

    async def main() -> None:
        app = NeurondApp(FakePort(), FrozenClock(), options=found)  # type: ignore[arg-type]
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause(0.01)

    asyncio.run(main())
    assert any("line 2" in each for each in told)


def test_a_newer_version_is_asked_for_only_where_that_is_switched_on(tmp_path: Path) -> None:
    latest = tmp_path / "latest.json"
    latest.write_text('{"version": "99.0"}')
    (tmp_path / "config.toml").write_text(f'[update]\nurl = "{latest.as_uri()}"\n')
    assert configured(tmp_path, DEFAULTS, {}).update_address == ""
    found = configured(tmp_path, DEFAULTS, {"NEUROND_UPDATE_CHECK": "yes"})
    assert found.update_address == latest.as_uri()

    async def main() -> str:
        app = NeurondApp(FakePort(), FrozenClock(), options=found)  # type: ignore[arg-type]
        async with app.run_test(size=(140, 40)) as pilot:
            await until(pilot, app, lambda: bool(app.update_words))
            return app.update_words

    assert asyncio.run(main()) == "▲ 99.0"
