"""How a window is opened: what flags, configuration and the terminal ask for. Plain values; nothing is read here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tui.limits import AUTO_LOCK_S, HOLD_STEPS, TYPED_ABOVE_RAO


@dataclass(frozen=True, slots=True)
class Options:
    """`keymap` is a file that may be absent. `desktop_alerts` sends alerts to the desktop as well.

    typed_above_rao: a larger sum is typed once more. hold_steps: seconds in which a signed transaction can still be
    withdrawn. tolerance: percent that forms begin with, "" for their own. auto_lock_s: how long an unlocked coldkey is
    kept, 0 not at all. notice: what is wrong with the configuration, told when the window opens. update_address: where
    the newest version is asked for, once; "" asks nobody.
    """

    theme: str | None = None
    ascii_only: bool = False
    no_colour: bool = False
    read_only: bool = False
    desktop_alerts: bool = False
    keymap: Path | None = None
    typed_above_rao: int = TYPED_ABOVE_RAO
    hold_steps: int = HOLD_STEPS
    tolerance: str = ""
    auto_lock_s: float = AUTO_LOCK_S
    notice: str = ""
    update_address: str = ""


DEFAULTS: Final = Options()


def with_terminal(options: Options, environment: Mapping[str, str]) -> Options:
    """Return the options with what the terminal cannot do taken away: NO_COLOR (any value), TERM=dumb."""
    dumb = environment.get("TERM") == "dumb"
    return replace(
        options,
        ascii_only=options.ascii_only or dumb,
        no_colour=options.no_colour or dumb or bool(environment.get("NO_COLOR")),
    )
