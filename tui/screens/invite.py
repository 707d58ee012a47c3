"""An invite that was just made: the line itself, where it leads, how long it is good, and a QR code where it fits."""

from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from node.control.qr import qr_lines
from node.control.schema import Invite
from tui.screens.base import Dialog
from tui.text import clean, duration
from tui.widgets.draw import field, rows, say

_FRAME: Final = 2  # cells of the box's border on both sides; a code has a light border of its own
_QR_STYLE: Final = "black on white"  # readers differ in whether they take an inverted code


class InviteScreen(Dialog[None]):
    """Shows an invite; it is in the clipboard already."""

    HELP = "The invite lets another machine find this network. It grants nothing, and holds no key."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", "Close"),
        Binding("c", "copy", "Copy again"),
        Binding("s", "switch", "QR code or text"),
    ]

    def __init__(self, invite: Invite, now_ms: int) -> None:
        super().__init__()
        self._invite = invite
        self._left_s = max(0.0, (invite.expires_ms - now_ms) / 1000)
        self._shows_code = False

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box") as box:
            box.border_title = Content("Invite")
            yield Static(id="invite-words", classes="words", markup=False)

    def on_mount(self) -> None:
        self._show()

    def on_resize(self, _: events.Resize) -> None:
        self._show()

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self._invite.text)
        self.notify("copied", title="Invite", timeout=2)

    def action_switch(self) -> None:
        if self._code():
            self._shows_code = not self._shows_code
            self._show()
        else:
            self.notify("The terminal is too small for the QR code; make it larger.", severity="warning", timeout=4)

    def _code(self) -> tuple[str, ...]:
        columns, lines = self.app.size
        return qr_lines(self._invite.text, columns - _FRAME, lines - _FRAME)

    def _show(self) -> None:
        box, code = self.query_one(".box"), self._code()
        shown = self._shows_code and bool(code)
        other = "s shows the text · " if shown else "s shows a QR code · " if code else ""
        box.border_subtitle = Content(f"c copies again · {other}esc closes")
        box.styles.width = len(code[0]) + _FRAME if shown else None
        box.styles.padding = 0 if shown else None
        words = rows(Content.styled(line, _QR_STYLE) for line in code) if shown else self._as_text()
        self.query_one("#invite-words", Static).update(words)

    def _as_text(self) -> Content:
        made = self._invite
        return rows(
            [
                say("It is in the clipboard. On the other machine: ", ("neurond join nd1…", "strong")),
                say(""),
                field("network", say(clean(made.network, 80))),
                field("good for", say(duration(self._left_s))),
                *(field("leads to", say(clean(address, 200))) for address in made.addresses),
                say(""),
                say((clean(made.text, 4096), "accent")),
            ]
        )
