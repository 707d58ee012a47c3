"""Asks for the password of a sealed key; it goes to the signer in this process and nowhere else."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from tui.limits import PASSWORD_CHARS_MAX
from tui.port import PortError
from tui.screens.base import Dialog
from tui.text import clean, duration, short
from tui.widgets.draw import say
from tui.widgets.line_input import LineInput

if TYPE_CHECKING:
    from tui.app import NeurondApp

T = TypeVar("T")


async def unlocked(
    app: "NeurondApp", coldkey: str, sign: Callable[[str | None], T], busy: Callable[[str], None]
) -> T | None:
    """What `sign` returns for the password of `coldkey`, asked for again while it is wrong; None when turned back.

    `sign` blocks and runs in a thread; `busy` is told what goes on, and "" when nothing does. The key stays open as
    long as the options say; while it does, no password is asked for. Raises PortError.
    """
    kept_s = app.options.auto_lock_s
    if not await asyncio.to_thread(app.port.needs_password, app.attached_home, coldkey):
        return await asyncio.to_thread(sign, None)
    failure = ""
    while True:
        password = await app.push_screen_wait(PasswordScreen(coldkey, failure, kept_s))
        if password is None:
            return None
        busy("unlocking the coldkey")
        try:
            if kept_s <= 0:
                return await asyncio.to_thread(sign, password)
            await app.keep_key(coldkey, password)
            return await asyncio.to_thread(sign, None)
        except PortError as error:
            if error.code != "wrong_password":
                raise
            failure = clean(str(error))
        finally:
            busy("")


class PasswordScreen(Dialog[str | None]):
    """Answers the password, or None when the user turns back."""

    HELP = "The password unlocks your coldkey in this window, for the time that is said. It never reaches the node."
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel")]

    def __init__(self, coldkey: str, failure: str = "", kept_s: float = 0.0) -> None:
        super().__init__()
        self._kept_s = kept_s
        self._coldkey = coldkey
        self._failure = failure

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content("Unlock the coldkey")
            box.border_subtitle = Content("enter unlocks · esc cancels")
            yield Static(
                say("Password of ", (short(self._coldkey, 6, 6), "strong"), f", to sign {self._how_long()}:"),
                classes="words",
                markup=False,
            )
            if self._failure:
                yield Static(say(("✖ ", "bad"), self._failure), classes="failure", markup=False)
            yield LineInput(PASSWORD_CHARS_MAX, placeholder="password", password=True, id="password")

    def _how_long(self) -> str:
        return f"in this window for {duration(self._kept_s)}" if self._kept_s > 0 else "in this window, this once"

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value:
            self.dismiss(event.value)

    def action_cancel(self) -> None:
        self.dismiss(None)
