"""The command palette: every action of the program by name."""

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from tui.registry import PLACES
from tui.screens.help import own_bindings, shown_keys
from tui.themes import THEMES

if TYPE_CHECKING:
    from tui.app import NeurondApp

Command = tuple[str, str, Callable[[], object]]


class Actions(Provider):
    """What the keys do, for those who would rather type what they want."""

    def _commands(self) -> list[Command]:
        app = cast("NeurondApp", self.app)
        commands: list[Command] = []
        if app.is_attached_to_node:
            commands += [(f"Go to {t.title}", f"key {t.key}", lambda n=t.name: app.action_show(n)) for t in PLACES]  # type: ignore[misc]
            commands += [
                ("Switch role", "key r: read the plan, then sign", lambda: app.do("app.role")),
                ("Make an invite", "one line that lets another machine join", lambda: app.do("app.invite")),
                ("Go somewhere or do something …", "key : the command line", app.action_command_line),
                ("Jump to a pane …", "key ^o: a letter over each", app.action_jump),
                ("Alerts", "key a: what needs attention", app.action_alerts),
                ("Copy this screen as a command", "key C: the same on the command line", app.action_copy_command),
                ("Leave or stop the node …", "key Q: asks first", app.action_ask_quit),
            ]
        commands += [("Detach", "key q: the node keeps running", app.action_detach)]
        commands += [("Help", "key ?: all keys that work here", app.action_help)]
        commands += [("Write all keys to keymap.toml", "your own keys", lambda: app.do("app.write_keymap"))]
        commands += [(f"Theme {t.name}", "key t turns the themes", lambda n=t.name: app.use_theme(n)) for t in THEMES]  # type: ignore[misc]
        return commands + self._screen_commands()

    def _screen_commands(self) -> list[Command]:
        """Give what only the screen below offers."""
        found: list[Command] = []
        window = cast("NeurondApp", self.app)
        for binding in own_bindings(self.screen):
            if binding.show and binding.description and not binding.action.startswith("app."):
                words = f"key {shown_keys(binding, window.keymap)}, on this screen"
                found.append((binding.description, words, lambda a=binding.action: window.do(a)))  # type: ignore[misc]
        return found

    async def discover(self) -> Hits:
        for name, words, action in self._commands():
            yield DiscoveryHit(Content(name), action, text=name, help=words)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name, words, action in self._commands():
            score = matcher.match(f"{name} {words}")
            if score > 0:
                yield Hit(score, Content(name), action, text=name, help=words)
