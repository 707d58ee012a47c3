"""`Q`: leave the node running, stop it, or stay. The harmless answer has the focus."""

from typing import ClassVar, Final, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from tui.screens.base import Dialog
from tui.widgets.draw import rows, say

Choice = Literal["detach", "stop", "cancel"]
_STOP: Final = "let the node finish its tasks (up to 90 s) and end it"


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

    def __init__(self, pid: int | None, refusal: str = "", is_gone: bool = False) -> None:
        """`refusal`: why this window stops no node, empty when it does. `is_gone`: nobody answers at its socket."""
        super().__init__()
        self._is_gone = is_gone
        self._pid = pid
        self._refusal = refusal

    def compose(self) -> ComposeResult:
        process = f"process {self._pid}" if self._pid else "its process"
        left = f"the node ({process}) does not answer" if self._is_gone else f"the node ({process}) keeps running"
        with Vertical(classes="box") as box:
            box.border_title = Content("Leave")
            yield Static(
                rows(
                    [
                        say(("Detach", "strong"), f"  close this window; {left}"),
                        say(("Stop", "strong"), f"    {self._refusal or _STOP}"),
                    ]
                ),
                classes="words",
                markup=False,
            )
            with Horizontal(classes="buttons"):
                yield Button("Detach (d)", id="detach")
                yield Button("Stop the node (s)", id="stop", disabled=bool(self._refusal))
                yield Button("Cancel (esc)", id="cancel")

    def on_mount(self) -> None:
        self.query_one("#detach").focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return None if self._refusal and parameters == ("stop",) else True

    def on_button_pressed(self, event: Button.Pressed) -> None:
        match event.button.id:
            case "detach" | "stop" | "cancel" as choice:
                self.dismiss(choice)

    def action_choose(self, choice: Choice) -> None:
        self.dismiss(choice)
