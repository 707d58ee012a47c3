"""What the configuration says about a window, laid below what the flags said.

A window opens whatever is in the file: with a broken one it takes the defaults, which are the careful ones, and says
what is wrong.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from node.control.amounts import parse_amount
from node.control.config import Config, load
from node.control.errors import ConfigError
from tui.options import Options


def configured(home: Path, options: Options, environment: Mapping[str, str]) -> Options:
    """Return `options` with what no flag said taken from the configuration of `home`."""
    try:
        found = load(home, environment=environment)
    except ConfigError as error:
        return replace(options, notice=str(error))
    theme = str(found.value("window.theme")) if found["window.theme"].is_chosen else None
    tolerance = found["money.tolerance"]
    return replace(
        options,
        theme=options.theme or theme,
        ascii_only=options.ascii_only or _yes(found, "window.ascii"),
        read_only=options.read_only or _yes(found, "window.read_only"),
        desktop_alerts=options.desktop_alerts or _yes(found, "window.desktop_alerts"),
        typed_above_rao=parse_amount(str(found.value("money.typed_above"))),
        hold_steps=_whole(found, "money.hold_seconds"),
        tolerance=str(tolerance.value) if tolerance.is_chosen else options.tolerance,
        update_address=str(found.value("update.url") or "") if _yes(found, "update.check") else "",
        auto_lock_s=60.0 * _whole(found, "money.auto_lock_minutes"),
    )


def _yes(found: Config, key: str) -> bool:
    return found.value(key) is True


def _whole(found: Config, key: str) -> int:
    value = found.value(key)
    return value if isinstance(value, int) else 0
