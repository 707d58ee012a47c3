"""Getting around: the screens one was on, the `:` line, jumping, and what the window itself can do for the eyes.

Nothing here moves money or touches the node: orders that do open the dialog that shows everything first.
"""

from collections.abc import Callable
from typing import Final, cast

from textual.actions import parse as parse_action

from tui.command_line import CommandFault, Order, parse, send_words, stake_words
from tui.limits import COMMANDS_KEPT, VIEWS_MAX
from tui.moves import Moves
from tui.registry import place
from tui.screens.base import Dialog, NodeScreen
from tui.text import cut
from tui.themes import THEMES, theme_name
from tui.widgets.tab_strip import TabStrip

_MOUSE_MODES: Final = (1000, 1003, 1015, 1006)  # any event, in the form with large coordinates


class Navigation(Moves):
    """See the module."""

    def action_show(self, name: str, words: str = "") -> None:
        """Go to a screen, each made once and keeping its state; `words` are what to find on it."""
        if self._to(name):
            self._views = [*self._views[: self._view + 1], name][-VIEWS_MAX:]
            self._view = len(self._views) - 1
        if words and isinstance(self.screen, NodeScreen):
            self.call_after_refresh(self.screen.open_with, words)

    def _to(self, name: str) -> bool:
        """Show a screen; False when it is the one that is shown, or there is none."""
        if place(name) is None or self.screen is self.screen_of(name):
            return False
        self.switch_screen(name)
        return True

    def screen_of(self, name: str) -> NodeScreen:
        """Return the screen of a place, made when it is first asked for. Raises KeyError: there is no such place."""
        if not self.is_screen_installed(name):
            found = place(name)
            if found is None:
                raise KeyError(name)
            self.install_screen(found.make(), name)
        return cast(NodeScreen, self.get_screen(name))

    def on_tab_strip_chosen(self, event: TabStrip.Chosen) -> None:
        self.action_show(event.name)

    def action_history(self, step: int) -> None:
        """Walk through the screens that were shown, as a browser does."""
        target = self._view + step
        if 0 <= target < len(self._views):
            self._view = target
            self._to(self._views[target])
        else:
            self.notify("There is no earlier screen." if step < 0 else "There is no later screen.", timeout=2)

    def action_last_view(self) -> None:
        """Go to the screen before this one; again comes back."""
        here = self._views[self._view] if self._views else ""
        other = next((each for each in reversed(self._views[: self._view]) if each != here), None)
        if other is not None:
            self.action_show(other)

    def action_leave(self) -> None:
        """Leave the screen for the one before it."""
        if self._view > 0:
            self.action_history(-1)

    # the `:` line

    def action_command_line(self) -> None:
        from tui.widgets.command_box import CommandBox

        if not self.screen.query(CommandBox):
            self.screen.mount(CommandBox(tuple(self._typed)))

    def remember(self, text: str) -> None:
        """Keep a line that was typed, for the next time."""
        self._typed = [text, *(each for each in self._typed if each != text)][:COMMANDS_KEPT]

    def fault_of(self, text: str) -> str:
        """Return why a line cannot be obeyed, empty when it can."""
        try:
            order = parse(text)
            if order.name in ("stake", "unstake"):
                stake_words(order.words)
            elif order.name == "send":
                send_words(order.words)
        except CommandFault as fault:
            return str(fault)
        return ""

    def obey(self, order: Order) -> None:
        """Carry out an order of the `:` line; one that moves money opens its dialog."""
        if place(order.name) is not None:
            self.action_show(order.name, " ".join(order.words))
            return
        money: dict[str, Callable[[tuple[str, ...]], None]] = {
            "stake": self._obey_stake,
            "unstake": self._obey_unstake,
            "send": self._obey_send,
            "register": self._obey_register,
        }
        if order.name in money:
            money[order.name](order.words)
        elif order.name == "theme" and order.words:
            self.use_theme(theme_name(order.words[0]))
        else:
            action = {
                "theme": "next_theme", "copy": "copy_command", "quit": "detach", "stop": "ask_quit",
                "keymap": "write_keymap", "back": "leave",
            }.get(order.name, order.name)  # fmt: skip
            self.call_later(self.do, action)

    async def do(self, action: str) -> None:
        """Carry out an action of the whole window or of the screen below, or say why it cannot be done now."""
        space, name, _ = parse_action(action)
        target = self if space == "app" or not hasattr(self.screen, f"action_{name}") else self.screen
        reason = getattr(target, "why_not", lambda _: "")(name)
        if reason:
            self.notify(reason, title="Nothing was done", severity="warning", markup=False)
        else:
            await self.run_action(action, target)

    def _obey_stake(self, words: tuple[str, ...]) -> None:
        if not words and place("trade") is not None:
            self.action_show("trade")
            return
        said = stake_words(words)
        netuid = self.model.netuid() if said.netuid is None else said.netuid
        if netuid is None:
            self.notify("Name a subnet, for example: stake 250 on 1", severity="warning")
        else:
            self.stake(netuid, amount=said.amount)

    def _obey_unstake(self, words: tuple[str, ...]) -> None:
        said = stake_words(words)
        stakes = self.model.account.stakes if self.model.account else ()
        mine = [each for each in stakes if said.netuid in (None, each.netuid)]
        if mine:
            self.unstake(max(mine, key=lambda each: each.value_rao), amount=said.amount)
        else:
            self.notify("Nothing of yours is staked there.", severity="warning")

    def _obey_send(self, words: tuple[str, ...]) -> None:
        amount, to = send_words(words)
        self.send(amount=amount, to=to)

    def _obey_register(self, words: tuple[str, ...]) -> None:
        number = words[-1] if words else ""
        netuid = int(number) if number.isdecimal() and len(number) <= 5 else self.model.netuid() if not words else None
        if netuid is None:
            self.notify("Name a subnet, for example: register 1", severity="warning")
        else:
            self.register(netuid)

    # for the eyes

    def action_jump(self) -> None:
        """Put a letter on every pane; the letter gives the pane the focus."""
        from tui.jump import JumpScreen, targets

        found = targets(self.screen)
        if found:
            self.push_screen(JumpScreen(found))

    def action_expand(self) -> None:
        """Give the pane with the focus all the room, or take it back."""
        if self.screen.maximized is not None:
            self.screen.minimize()
        elif self.focused is None or not self.screen.maximize(self.focused, container=False):
            self.notify("Choose a pane first: tab or ctrl+o.", timeout=3)

    def action_pause(self) -> None:
        """Hold what is shown still; the node goes on, and so does what the window knows of it."""
        self.is_paused = not self.is_paused
        self.model.bump("link")

    def action_mouse(self) -> None:
        """Give the mouse to the terminal, which can then mark and copy; again takes it back."""
        self.is_mouse_free = not self.is_mouse_free
        if self._driver is not None:
            self._driver.write("".join(f"\x1b[?{mode}{'l' if self.is_mouse_free else 'h'}" for mode in _MOUSE_MODES))
            self._driver.flush()
        words = "belongs to the terminal: mark text with it. m takes it back." if self.is_mouse_free else "is back."
        self.notify(f"The mouse {words}", timeout=4)

    def action_yank(self) -> None:
        """Copy the marked text, or what the pane with the focus shows."""
        text = self.screen.get_selected_text() or _shown_by(self)
        if text:
            self.copy_to_clipboard(text)
            self.notify(cut(text.splitlines()[0], 60), title="Copied", markup=False, timeout=2)
        else:
            self.notify("Choose a pane first: tab or ctrl+o.", timeout=3)

    def action_next_theme(self) -> None:
        names = [each.name for each in THEMES]
        self.use_theme(names[(names.index(self.theme) + 1) % len(names)] if self.theme in names else names[0])

    def use_theme(self, name: str) -> None:
        """Change the colours, and say to which."""
        if self.no_color:
            self.notify("This window is drawn without colours.", title="Theme", timeout=2)
            return
        self.theme = name
        self.notify(name, title="Theme", timeout=2)


def _shown_by(window: Navigation) -> str:
    """The text on the widget with the focus, as it is drawn."""
    widget = window.focused
    if widget is None:
        return ""
    return "\n".join(strip.text.rstrip() for strip in widget.render_lines(widget.size.region)).strip()


def is_at_rest(window: Navigation) -> bool:
    """Tell whether keys of the whole program count now: no dialog asks anything."""
    return window.is_attached_to_node and not isinstance(window.screen, Dialog)
