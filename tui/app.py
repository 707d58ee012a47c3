"""The application: opens at once, attaches to a running node or offers to start one, and paints four times a second.

It leaves the node running when it is closed. A node is stopped only by the answer "stop" to a question.
"""

import asyncio
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import ClassVar, Final

from textual import events
from textual.actions import parse as parse_action
from textual.app import ScreenStackError
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.filter import LineFilter

from node.control.errors import NotRunning
from node.control.schema import LogLevel
from tui.commands import Actions
from tui.configured import configured
from tui.feed import Feed
from tui.glyphs import filters_for
from tui.keymap import keymap_path
from tui.life import Life
from tui.limits import ATTACH_RETRIES_S, NARROW_COLUMNS, SHORT_ROWS, TICK_S, TINY_COLUMNS
from tui.local import LocalPort, SystemClock
from tui.navigation import Navigation, is_at_rest
from tui.options import DEFAULTS, Options, with_terminal
from tui.port import API_ERRORS, Clock, Port, PortError
from tui.reading import ReadingPort
from tui.registry import PLACES
from tui.screens.base import Dialog, NodeScreen
from tui.screens.welcome import WelcomeScreen
from tui.themes import PLAIN, THEMES, theme_name
from tui.updates import look_for_update
from tui.warming import Warming
from tui.window import Farewell

_WHEN_AT_REST: Final = frozenset(
    {"show", "role", "copy_command", "invite", "ask_quit", "command_line", "jump", "leave", "last_view", "history",
     "expand", "pause", "yank", "alerts"}
)  # fmt: skip
_CHANGES: Final = frozenset({"role", "invite", "restart", "lock", "write_keymap"})

__all__ = ["Farewell", "NeurondApp", "Options", "farewell_words", "run"]


class NeurondApp(Navigation, Life):
    """See the module."""

    TITLE = "neurond"
    CSS_PATH: ClassVar[list[str | PurePath]] = ["app.tcss", "screens/dialog.tcss"]
    COMMANDS = {Actions}  # noqa: RUF012  # Textual declares it so
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (TINY_COLUMNS, "-narrow"), (NARROW_COLUMNS, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (SHORT_ROWS, "-tall")]  # noqa: RUF012
    HELP: ClassVar[str] = "The node is a process of its own: closing this window never stops it."
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(each.key, f"show('{each.name}')", each.title, show=False) for each in PLACES),
        Binding("colon", "command_line", "Go", key_display=":", tooltip="Type where to go or what to do"),
        Binding("ctrl+o", "jump", "Jump", show=False, tooltip="Jump to a pane by its letter"),
        Binding("escape", "leave", "Back to the screen before", show=False),
        Binding("minus", "last_view", "The screen before, and back again", show=False, key_display="-"),
        Binding("left_square_bracket", "history(-1)", "Back through the screens", show=False),
        Binding("right_square_bracket", "history(1)", "Forward through the screens", show=False),
        Binding("r", "role", "Role", show=False, tooltip="Switch role: the plan is shown before anything happens"),
        Binding("S", "restart", "Start the node again, when it is gone", show=False),
        Binding("u", "lock", "Unlock or lock", show=False, tooltip="Unlock the coldkey for a while, or forget it now"),
        Binding("a", "alerts", "Alerts", show=False, tooltip="What needs attention, since when, and what to do"),
        Binding("e", "expand", "Expand", show=False, tooltip="Give the pane with the focus all the room, or take it"),
        Binding("p", "pause", "Pause", show=False, tooltip="Hold the screen still; again goes on"),
        Binding("y", "yank", "Copy", show=False, tooltip="Copy the marked text, or what the pane shows"),
        Binding("C", "copy_command", "Copy as command", show=False, tooltip="Copy what this screen shows as a command"),
        Binding("m", "mouse", "Mouse", show=False, tooltip="Give the mouse to the terminal, to mark text; again back"),
        Binding("t", "next_theme", "Next theme", show=False, tooltip="Next theme: dark, light, high contrast"),
        Binding("question_mark,f1", "help", "Help", tooltip="This help"),
        Binding("ctrl+p", "command_palette", "Palette", key_display="^p", tooltip="Find any action by its name"),
        Binding("q,ctrl+q", "detach", "Detach", tooltip="Close this window; the node keeps running"),
        Binding("Q", "ask_quit", "Leave or stop …", show=False, tooltip="Leave, or stop the node: asks first"),
    ]

    def __init__(
        self,
        port: Port,
        clock: Clock,
        *,
        theme: str | None = None,
        utc_offset_s: int | None = None,
        options: Options = DEFAULTS,
    ) -> None:
        super().__init__(port, clock, utc_offset_s=utc_offset_s, options=options)
        for each in (*THEMES, PLAIN):
            self.register_theme(each)
        self.no_color = self.no_color or options.no_colour
        self.theme = PLAIN.name if self.no_color else theme_name(theme or options.theme)

    def get_line_filters(self) -> Sequence[LineFilter]:
        return filters_for(super().get_line_filters(), ascii_only=self.options.ascii_only, no_colour=self.no_color)

    def get_driver_class(self) -> type[Driver]:
        found = super().get_driver_class()
        if found.__name__ != "LinuxDriver":
            return found
        from tui.terminal import Terminal

        return Terminal

    def _fatal_error(self) -> None:
        """End the window after a defect; Textual's own way is to cover the terminal with a traceback and its values."""
        self._close_messages_no_wait()

    def on_mount(self) -> None:
        self.push_screen(WelcomeScreen())
        self.set_interval(TICK_S, self.tick)
        self.run_worker(self._open(), group="open")
        self.run_worker(self.read_keymap(), group="keymap")
        if self.options.update_address:
            self.run_worker(look_for_update(self), group="update")
        if self.options.notice:
            self.notify(self.options.notice, title="Settings", severity="warning", timeout=15, markup=False)

    async def on_unmount(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    # attaching

    async def _open(self) -> None:
        """Attach to the node that runs, or offer to start one."""
        try:
            home = await asyncio.to_thread(self.port.find)
            if home is not None:
                await self.attach(home)
                return
            failure = ""
        except PortError as error:
            failure = str(error)
        network = await self.known_network()
        if isinstance(self.screen, WelcomeScreen):
            self.screen.offer(network, failure)

    async def known_network(self) -> str | None:
        """Return what could be started again."""
        return await asyncio.to_thread(self.port.network)

    async def attach(self, home: Path) -> None:
        """Connect to the node of `home` and show it.

        Raises:
            PortError: it does not answer.
        """
        client = self.port.client(home)
        for pause_s in (*ATTACH_RETRIES_S, None):
            try:
                hello = await client.connect()
                break
            except API_ERRORS as error:
                if pause_s is None or not isinstance(error, NotRunning):
                    raise PortError(error.message, error.hint, error.code) from error
                await asyncio.sleep(pause_s)
        self.model.forget()
        self.model.greet(hello, self.clock.monotonic_s())
        self._client, self.attached_home = client, home
        self._feed = Feed(client, self.model)
        self._feeding = self.run_worker(self._feed.run(), group="feed", exclusive=True)
        self.action_show("home")
        Warming(self).begin()

    def follow_log(self, level: LogLevel) -> None:
        """Ask the node for log lines from `level` up, as far as that is more than it sends anyway."""
        wanted: LogLevel = "debug" if level == "debug" else "info"
        if self._feed is not None and self._feed.level != wanted:
            self._feed.set_level(wanted)

    # painting

    def tick(self) -> None:
        """Take the time and paint the screens that are seen."""
        client = self._client
        connected, stale = (client.connected, client.stale) if client is not None else (False, False)
        before_s = int(self.model.now_s)
        self.model.observe(self.clock.monotonic_s(), self.clock.now_ms(), connected=connected, stale=stale)
        if int(self.model.now_s) != before_s and self.is_attached_to_node:
            self.watch_over()
        try:
            stack = list(self.screen_stack)
        except ScreenStackError:
            return
        with self.batch_update():
            for screen in stack[-3:]:
                if isinstance(screen, NodeScreen | Dialog | WelcomeScreen) and screen.is_mounted:
                    screen.paint(self.model)

    # actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in _WHEN_AT_REST and not is_at_rest(self):
            return False
        if action == "restart":
            return self.model.link == "gone" and not self.is_restarting
        if action == "help":
            return type(self.screen).__name__ != "HelpScreen"  # which is loaded when it is asked for
        return None if self.why_not(action) else True

    def why_not(self, action: str) -> str:
        """Return why an action of the whole program cannot be done now, empty when it can."""
        return self.read_only_words if self.options.read_only and action in _CHANGES else ""

    def on_key(self, event: events.Key) -> None:
        """Say why a key that is shown greyed does nothing."""
        found = self.screen.active_bindings.get(event.key)
        if found is not None and not found.enabled:
            space, action, _ = parse_action(found.binding.action)
            asked = self if space == "app" else found.node
            reason = getattr(asked, "why_not", lambda _: "")(action)
            if reason:
                self.notify(reason, title=found.binding.description, severity="warning", timeout=4)

    def action_role(self) -> None:
        from tui.screens.role import RoleScreen

        status = self.model.status
        if status is None:
            self.notify("The node has not told its role yet.", severity="warning")
        else:
            self.push_screen(RoleScreen(status.role, status.coldkey))

    def action_help(self) -> None:
        from tui.screens.help import HelpScreen

        self.push_screen(HelpScreen(self.screen, self.focused))

    def action_copy_command(self) -> None:
        screen = self.screen
        if isinstance(screen, NodeScreen):
            command = f"neurond {screen.COMMAND} --home {shlex.quote(str(self.attached_home))}"
            self.copy_to_clipboard(command)
            self.notify(command, title="Copied", markup=False)


def farewell_words(farewell: Farewell | None) -> str:
    """Return what to say on the terminal when the window has closed; empty when there is nothing to say."""
    if farewell is None:
        return ""
    if farewell.node == "stopped":
        return f"node stopped (it was pid {farewell.pid})"
    home = shlex.quote(str(farewell.home))
    return f"node keeps running, pid {farewell.pid} (back: neurond; stop: neurond down --home {home})"


def run(home: Path, *, options: Options = DEFAULTS) -> int:
    """Open the UI on the node of `home`, return the exit status when the window is closed. The node keeps running."""
    in_browser = "TEXTUAL_DRIVER" in os.environ  # `neurond web` is at the other end
    if not in_browser and not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        print("neurond: the window needs a terminal. Without one, use `neurond status` or `--help`.", file=sys.stderr)
        return 2
    chosen = with_terminal(configured(home, options, os.environ), os.environ)
    chosen = replace(chosen, keymap=chosen.keymap or keymap_path(home))
    port = ReadingPort(home) if chosen.read_only else LocalPort(home)
    app = NeurondApp(port, SystemClock(), options=chosen)
    words = farewell_words(app.run())
    if app._exception is not None:
        raise app._exception  # a defect: the command writes it to a file and says so
    if words:
        print(words)
    return app.return_code or 0
