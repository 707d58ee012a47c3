"""`Q`: leave the node running, stop it, or stay. The harmless answer has the focus."""

from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from tui.screens.base import Dialog
from tui.widgets.draw import rows, say

Choice = Literal["detach", "stop", "cancel"]


class QuitScreen(Dialog[Choice]):
    """Asks before anything stops."""

    HELP = "Detach closes this window only. Stop lets the node finish its tasks, up to 90 s, and ends it."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "choose('detach')", "Detach"),
        Binding("s", "choose('stop')", "Stop the node"),
        Binding("escape,c,q", "choose('cancel')", "Cancel"),
        Binding("left,h", "app.focus_previous", "Left", show=False),
        Binding("right,l", "app.focus_next", "Right", show=False),
    ]

    def __init__(self, pid: int | None) -> None:
        super().__init__()
        self._pid = pid

    def compose(self) -> ComposeResult:
        process = f"process {self._pid}" if self._pid else "its process"
        with Vertical(classes="box") as box:
            box.border_title = Content("Leave")
            yield Static(
                rows(
                    [
                        say(("Detach", "strong"), f"  close this window; the node ({process}) keeps running"),
                        say(("Stop", "strong"), "    let the node finish its tasks (up to 90 s) and end it"),
                    ]
                ),
                classes="words",
                markup=False,
            )
            with Horizontal(classes="buttons"):
                yield Button("Detach (d)", id="detach")
                yield Button("Stop the node (s)", id="stop")
                yield Button("Cancel (esc)", id="cancel")

    def on_mount(self) -> None:
        self.query_one("#detach").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        match event.button.id:
            case "detach" | "stop" | "cancel" as choice:
                self.dismiss(choice)

    def action_choose(self, choice: Choice) -> None:
        self.dismiss(choice)
