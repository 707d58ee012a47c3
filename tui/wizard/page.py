"""What all pages of the setup share: a heading, fields, a list of choices with letters, lines of tests.

A page reads and changes the draft and nothing else; `leave` says in a sentence why it cannot be left yet.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from node.control.setup_views import CheckStep
from tui.text import clean
from tui.themes import Tone
from tui.widgets.draw import rows, say
from tui.widgets.line_input import LineInput
from tui.widgets.tick import Tick
from tui.wizard.flow import Draft

if TYPE_CHECKING:
    from tui.wizard.screen import WizardScreen

MARKS: Final[dict[bool | None, tuple[str, Tone]]] = {
    True: ("✓ ", "good"), False: ("✖ ", "bad"), None: ("· ", "dim"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """One line to choose: its letter, its name, title, words; `refusal` says why it cannot be chosen now."""

    key: str
    name: str
    title: str
    words: str
    refusal: str = ""


class Choices(OptionList):
    """Choices with letters; a refused one stays, with its reason."""

    DEFAULT_CSS = """
    Choices { height: auto; border: none; background: transparent; padding: 0; scrollbar-size-vertical: 1; }
    Choices:focus { border: none; background: transparent; }
    Choices > .option-list--option { padding: 0 1; }
    Choices > .option-list--option-highlighted { background: $selected; text-style: none; }
    Choices:focus > .option-list--option-highlighted { background: $selected-focus; text-style: none; }
    """

    class Made(Message):
        """One was chosen, by enter, a click or its letter."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, choices: Iterable[Choice] = (), *, id: str = "choices") -> None:
        super().__init__(id=id, markup=False)
        self._choices: tuple[Choice, ...] = ()
        self.offer(choices)

    def offer(self, choices: Iterable[Choice], highlighted: int = 0) -> None:
        """Show other choices."""
        self._choices = tuple(choices)
        self.clear_options()
        self.add_options(Option(_choice_text(each), id=each.name) for each in self._choices)
        if self._choices:
            self.highlighted = min(highlighted, len(self._choices) - 1)

    def highlight(self, name: str) -> None:
        """Put the cursor on a choice, if it is there."""
        for place, each in enumerate(self._choices):
            if each.name == name:
                self.highlighted = place

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Made(self._choices[event.option_index]))

    def on_key(self, event: events.Key) -> None:
        for each in self._choices:
            if event.character is not None and event.character == each.key:
                event.stop()
                event.prevent_default()
                self.post_message(self.Made(each))


def _choice_text(choice: Choice) -> Content:
    words: tuple[str, Tone] = (f"    {choice.refusal or choice.words}", "warn" if choice.refusal else "dim")
    return rows(
        [say((f" {choice.key}  ", "accent"), (choice.title, "dim" if choice.refusal else "strong")), say(words)]
    )


class Field(Widget):
    """A labelled line to type in."""

    DEFAULT_CSS = """
    Field { layout: horizontal; height: 1; width: 100%; margin-bottom: 1; }
    Field > .label { width: 16; color: $text-muted; }
    Field > LineInput { width: 1fr; }
    """

    def __init__(self, label: str, id: str, chars_max: int, *, value: str = "", hint: str = "", secret: bool = False):
        super().__init__(id=f"field-{id}")
        self._label = label
        self.input = LineInput(chars_max, placeholder=hint, password=secret, id=id)
        self.input.value = value

    def compose(self) -> ComposeResult:
        yield Static(self._label, classes="label", markup=False)
        yield self.input


class Question(Widget):
    """A labelled box for yes or no, with a few words beside it."""

    DEFAULT_CSS = """
    Question { layout: horizontal; height: 1; width: 100%; margin-bottom: 1; }
    Question > .label { width: 16; color: $text-muted; }
    Question > Tick { width: 8; }
    Question > .hint { width: 1fr; color: $text-muted; }
    """

    def __init__(self, label: str, id: str, *, value: bool, hint: str) -> None:
        super().__init__(id=f"field-{id}")
        self._label, self._hint = label, hint
        self.tick = Tick(value, id=id)

    def compose(self) -> ComposeResult:
        yield Static(self._label, classes="label", markup=False)
        yield self.tick
        yield Static(self._hint, classes="hint", markup=False)


class PageView(VerticalScroll, can_focus=False):
    """One page. `TITLE` heads it, `KEYS` says what enter does."""

    TITLE: ClassVar[str] = ""
    HELP: ClassVar[str] = ""
    DEFAULT_CSS = """
    PageView { height: auto; max-height: 100%; width: 100%; scrollbar-size-vertical: 1; }
    PageView .words { height: auto; width: 100%; margin-bottom: 1; }
    PageView .steps { height: auto; width: 100%; }
    """

    def __init__(self, wizard: "WizardScreen") -> None:
        super().__init__()
        self.wizard = wizard

    @property
    def draft(self) -> Draft:
        return self.wizard.draft

    def first_focus(self) -> Widget | None:
        """Return what is to have the focus when the page opens."""
        return next((each for each in self.query("LineInput, Choices") if each.focusable), None)

    async def leave(self) -> str | None:
        """Take what was entered into the draft; return why the page cannot be left, empty when it can, None to stay."""
        return ""

    def value(self, name: str) -> str:
        """Return what was typed into a field."""
        return self.query_one(f"#{name}", LineInput).value

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes to the next field, and from the last one to the next page."""
        event.stop()
        inputs = list(self.query(LineInput))
        place = next((each for each, found in enumerate(inputs) if found is event.input), len(inputs) - 1)
        if place + 1 < len(inputs):
            inputs[place + 1].focus()
        else:
            self.wizard.action_next()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.wizard.fail("")


def step_lines(steps: Iterable[CheckStep]) -> Content:
    """Return tests, one a line, with the remedy of what failed below."""
    lines: list[Content] = []
    for each in steps:
        lines.append(say(MARKS[each.ok], (f"{clean(each.name, 20):<8}", "dim"), clean(each.text, 400)))
        if each.ok is False and each.remedy:
            lines.append(say(("  → ", "accent"), clean(each.remedy, 300)))
    return rows(lines)
