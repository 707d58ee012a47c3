"""The window on a recorded session: the same screens, a clock that can be held and moved, and nothing to change.

Time in this window is the recording's: what was 12 seconds ago then is 12 seconds ago here. It has no node, starts
none and stops none.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Final, NoReturn, cast

from textual.binding import Binding, BindingType

from node.control.replay import REPLAY_WORDS, Player, ReplayClient, Tape
from tui.app import NeurondApp
from tui.options import DEFAULTS, Options, with_terminal
from tui.port import Client, Port, PortError
from tui.text import duration

_SPEEDS: Final = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 100.0)
_REASON: Final = "This is a replay: nothing can be changed."


class ReplayClock:
    """The time of the recording, at the moment that is played."""

    def __init__(self, player: Player) -> None:
        self._player = player

    def now_ms(self) -> int:
        return self._player.tape.header.started_ms + self._player.at_ms

    def monotonic_s(self) -> float:
        return self._player.at_ms / 1000


class ReplayPort:
    """Everything around a node that is not there: it is found at once, and whatever would act is refused."""

    def __init__(self, player: Player) -> None:
        self._player = player

    @property
    def home(self) -> Path:
        return Path(self._player.tape.hello.home)

    def client(self, home: Path) -> Client:
        return ReplayClient(self._player)

    def find(self) -> Path | None:
        return self.home

    def network(self) -> str | None:
        return None

    def environment(self) -> Mapping[str, str]:
        """No variables: a replay is the same on every machine."""
        return {}

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        """Refuse everything else that a port does: it would start, stop or sign something."""
        if name.startswith("_"):
            raise AttributeError(name)
        return _refuse


class ReplayApp(NeurondApp):
    """See the module."""

    HELP: ClassVar[str] = "A recorded session: p holds it and goes on, the keys below move in it."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("comma", "seek(-10)", "−10 s", key_display=",", tooltip="Ten seconds back"),
        Binding("full_stop", "seek(10)", "+10 s", key_display=".", tooltip="Ten seconds on"),
        Binding("less_than_sign", "seek(-60)", "A minute back", show=False, key_display="<"),
        Binding("greater_than_sign", "seek(60)", "A minute on", show=False, key_display=">"),
        Binding("plus", "faster(1)", "Faster", show=False, key_display="+"),
        Binding("underscore", "faster(-1)", "Slower", show=False, key_display="_"),
    ]

    def __init__(self, player: Player, *, options: Options = DEFAULTS, utc_offset_s: int | None = None) -> None:
        super().__init__(
            cast(Port, ReplayPort(player)),
            ReplayClock(player),
            options=replace(options, read_only=True),
            utc_offset_s=utc_offset_s,
        )
        self.player = player

    @property
    def words(self) -> str:
        """What the status bar says of the replay."""
        player = self.player
        how = "PAUSED" if player.paused else "END" if player.ended else f"×{player.speed:g}"
        return f"REPLAY {duration(player.at_ms / 1000)} of {duration(player.tape.length_ms / 1000)} {how}"

    def tick(self) -> None:
        """Say where in the recording this is, then paint as ever."""
        if self.model.aside != self.words:
            self.model.aside = self.words
            self.model.bump("link")
        super().tick()

    def why_not(self, action: str) -> str:
        """Return the replay's own reason where the window would give that of a read-only one."""
        return self.read_only_words if super().why_not(action) else ""

    @property
    def read_only_words(self) -> str:
        return _REASON

    def action_pause(self) -> None:
        """Hold the recording, or go on."""
        self.player.pause()

    def action_seek(self, seconds: int) -> None:
        """Go back or forth; the model begins anew, since what it knows may not have happened yet."""
        self.player.seek(self.player.at_ms + 1000 * seconds)
        self.model.forget()
        self.model.greet(self.player.tape.hello, self.clock.monotonic_s())
        if self._feed is not None:
            self._feeding = self.run_worker(self._feed.run(), group="feed", exclusive=True)

    def action_faster(self, steps: int) -> None:
        """Play faster or slower, in steps."""
        nearest = min(range(len(_SPEEDS)), key=lambda index: abs(_SPEEDS[index] - self.player.speed))
        self.player.set_speed(_SPEEDS[min(max(0, nearest + steps), len(_SPEEDS) - 1)])


def run(tape: Tape, *, speed: float = 1.0, at_ms: int = 0, options: Options = DEFAULTS) -> int:
    """Open the window on a recording, return the exit status when it is closed."""
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        print("neurond: the window needs a terminal. Without one, use `neurond replay --info`.", file=sys.stderr)
        return 2
    player = Player(tape, time.monotonic, speed=speed, at_ms=at_ms)
    app = ReplayApp(player, options=with_terminal(options, os.environ))
    app.run()
    if app._exception is not None:
        raise app._exception  # a defect: the command writes it to a file and says so
    return app.return_code or 0


def _refuse(*_arguments: object, **_named: object) -> NoReturn:
    raise PortError(REPLAY_WORDS, "Open the window on a running node to do this.", "replay")
