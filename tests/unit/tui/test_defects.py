"""A defect of the window never covers the terminal with a traceback: it reaches whoever opened the window."""

from pathlib import Path

import pytest

from tui import app as app_module
from tui.app import NeurondApp, run
from tui.local import LocalPort, SystemClock


def test_a_defect_is_handed_to_the_command_and_nothing_is_printed_over_the_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(app: NeurondApp) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(NeurondApp, "on_mount", fail)
    broken = NeurondApp(LocalPort(tmp_path), SystemClock())
    monkeypatch.setattr(broken, "run", lambda: NeurondApp.run(broken, headless=True))
    monkeypatch.setattr(app_module, "NeurondApp", lambda *arguments, **options: broken)
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(f"sys.{name}.isatty", lambda: True, raising=False)
    with pytest.raises(ZeroDivisionError, match="a defect"):
        run(tmp_path)
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
