"""The two questions of the settings screen: write what was reviewed? carry out this advice? Cancel has the focus."""

from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from node.control.config_changes import Review, when_words
from node.control.fixes import Fix
from tui.screens.base import Dialog
from tui.text import clean
from tui.widgets.draw import rows, say

FixChoice = Literal["run", "copy", "cancel"]
_DOES = {
    "permissions": "This window can do that: it takes the access of others from those paths and nothing else.",
    "start": "This window can do that: it starts the node of this home.",
    "show": "This is done by you: copy it and run it in a terminal.",
}


class ReviewScreen(Dialog[bool]):
    """Shows what changes, when it counts, and where it is written."""

    HELP = "Nothing is written before you say so. The file is replaced in one step; comments in it stay."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w,y", "answer(True)", "Write"),
        Binding("escape,c,q,n", "answer(False)", "Cancel"),
        Binding("left,h", "app.focus_previous", "Left", show=False),
        Binding("right,l", "app.focus_next", "Right", show=False),
    ]

    def __init__(self, wanted: Review) -> None:
        super().__init__()
        self._wanted = wanted

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content("Review")
            yield Static(self._words(), classes="words", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Write (w)", id="write")
                yield Button("Cancel (esc)", id="cancel")

    def _words(self) -> Content:
        lines = []
        for each in self._wanted.changes:
            lines.append(
                say((each.setting.key, "strong"), f"  {clean(each.before, 200)} → ", (clean(each.after, 200), "accent"))
            )
            if each.wins:
                lines.append(say(("  ! ", "warn"), f"the variable {each.wins} is set and wins over the file"))
        lines += [say(""), say(("counts", "dim"))]
        lines += [say(f"  {each}") for each in when_words(self._wanted.changes)]
        there = "" if self._wanted.source.exists else " (new)"
        lines += [say(""), say((f"written to {clean(str(self._wanted.source.path), 300)}{there}", "dim"))]
        return rows(lines)

    def on_mount(self) -> None:
        self.query_one("#cancel").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "write")

    def action_answer(self, agreed: bool) -> None:
        self.dismiss(agreed)


class FixScreen(Dialog[FixChoice]):
    """Shows the advice of a finding; what is safe can be carried out from here."""

    HELP = "What is not safe to do without looking is only shown and copied."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "choose('run')", "Do it"),
        Binding("y", "choose('copy')", "Copy"),
        Binding("escape,c,q", "choose('cancel')", "Cancel"),
        Binding("left,h", "app.focus_previous", "Left", show=False),
        Binding("right,l", "app.focus_next", "Right", show=False),
    ]

    def __init__(self, name: str, fix: Fix, refusal: str = "") -> None:
        """`refusal`: why this window carries nothing out, empty when it does."""
        super().__init__()
        self._name_of_finding = name
        self._fix = fix
        self._refusal = refusal

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content(self._name_of_finding)
            lines = [say(clean(self._fix.advice, 1000))]
            if self._fix.command:
                lines += [say(""), say(("  ", "dim"), (clean(self._fix.command, 600), "accent"))]
            lines += [say(""), say((self._refusal or _DOES[self._fix.kind], "dim"))]
            yield Static(rows(lines), classes="words", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Do it (x)", id="run", disabled=not self._may_run)
                yield Button("Copy (y)", id="copy")
                yield Button("Cancel (esc)", id="cancel")

    def on_mount(self) -> None:
        self.query_one("#copy").focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return None if parameters == ("run",) and not self._may_run else True

    @property
    def _may_run(self) -> bool:
        return self._fix.is_safe and not self._refusal

    def on_button_pressed(self, event: Button.Pressed) -> None:
        match event.button.id:
            case "run" | "copy" | "cancel" as choice:
                self.dismiss(choice)

    def action_choose(self, choice: FixChoice) -> None:
        self.dismiss(choice)
