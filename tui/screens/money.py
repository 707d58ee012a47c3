"""Moving money: fill in, read what it will do, sign here, and still withdraw while a countdown runs.

Nothing is signed before "Sign", nothing leaves this window before the countdown has ended. What is shown is the
preview that is signed: an older one is asked for again first.
"""

import asyncio
import shlex
from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Checkbox, Input, Static
from textual.worker import WorkType

from node.control.actions import Draft, Signed, follow
from node.control.errors import ConnectionLost, RequestTimeout
from node.control.schema import TransactionStatus
from tui import limits
from tui.drafting import EXPECTED, quote
from tui.form_fields import YES, Field, in_shell
from tui.model import Model
from tui.money_form import FilledForm, Form, is_typed, typed_of
from tui.screens.base import Dialog
from tui.screens.password import unlocked
from tui.text import clean, count
from tui.themes import Tone
from tui.widgets.draw import field, rows, say
from tui.widgets.line_input import LineInput
from tui.widgets.tick import Tick

Phase = Literal["edit", "review", "hold", "sent"]
_LABEL_CELLS = 24


class MoneyScreen(Dialog[None]):
    """One move of money, in four phases: edit, review, hold, sent."""

    CSS_PATH = "money.tcss"
    HELP = "Fill in, review what it will do, sign. After signing you have some seconds in which esc withdraws it."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back, cancel or withdraw"),
        Binding("ctrl+y", "copy", "Copy as command"),
    ]

    def __init__(self, form: Form, coldkey: str) -> None:
        super().__init__()
        self._form = form
        self._coldkey = coldkey
        self._phase: Phase = "edit"
        self._draft: Draft | None = None
        self._draft_height = 0
        self._typed: int | str = 0
        self._goes_to_review = isinstance(form, FilledForm)
        self._problem = ""
        self._busy = ""
        self._left = 0
        self._status: TransactionStatus | None = None
        self._may_be_sent = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content(self._form.title)
            with Vertical(id="money-fields"):
                for each in self._form.fields:
                    with Horizontal(classes="money-field"):
                        yield Static(each.label, classes="money-label", markup=False)
                        yield field_widget(each, "" if self._goes_to_review else self.node_app.options.tolerance)
            with VerticalScroll(id="money-scroll", can_focus=False):
                yield Static("", id="money-preview", markup=False)
            yield Static("", id="money-progress", markup=False)
            with Horizontal(classes="money-field", id="typed-row"):
                yield Static("", classes="money-label", id="typed-label", markup=False)
                yield LineInput(limits.FIELD_CHARS_MAX, placeholder="as it stands above", id="typed")
            yield Static("", id="money-failure", classes="failure", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel (esc)", id="cancel")
                yield Button("Review", id="go")

    def on_mount(self) -> None:
        self._focus_first()
        self._ask(pause=False)
        self._draw()

    def _focus_first(self) -> None:
        """To the first line that is empty, else the first, else the way out."""
        lines = self._lines()
        empty = next((line for line in lines if not line.value), None)
        (empty or (lines[0] if lines else self.query_one("#cancel"))).focus()

    # --- the preview ------------------------------------------------------------------------------------------------

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "typed" or self._phase != "edit":
            self._draw()
        else:
            self._changed()

    def on_checkbox_changed(self, event: Checkbox.Changed) -> None:
        if self._phase == "edit":
            self._changed()

    def _changed(self) -> None:
        self._draft = None
        self._ask(pause=True)
        self._draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes to the next line that is empty, then to the button."""
        empty = next((line for line in self._lines() if not line.value), None)
        if empty is not None and self._phase == "edit":
            empty.focus()
        elif not self._why_not():
            self._go()

    def _ask(self, *, pause: bool) -> None:
        work: WorkType[None] = self._prepare_later if pause else self._prepare
        self.run_worker(work, group="draft", exclusive=True)

    async def _prepare_later(self) -> None:
        await asyncio.sleep(limits.DRAFT_PAUSE_S)
        await self._prepare()

    async def _prepare(self) -> None:
        found = await quote(self.node_app, self._form, self._values(), self._coldkey)
        self._draft, self._draft_height, self._problem = found.draft, found.height, found.problem
        if found.draft is not None and found.intent is not None:
            self._typed = typed_of(found.intent, found.draft.pays_rao)
            if self._goes_to_review and self._phase == "edit" and found.draft.refusal is None:
                self._go()
        self._goes_to_review = False
        self._draw()

    def paint(self, model: Model) -> None:
        """Ask for the preview again when the chain has gone on under a review, or since there could be none."""
        height = 0 if model.status is None else model.status.height
        asks = self._phase == "review" or (self._phase == "edit" and bool(self._problem))
        if asks and not self._busy and height - self._draft_height >= limits.REQUOTE_BLOCKS:
            self._draft_height = height
            self._ask(pause=False)

    # --- going on and back ------------------------------------------------------------------------------------------

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "cancel":
            self.action_back()
        elif not self._why_not():
            self._go()

    def _go(self) -> None:
        if self._phase == "edit":
            self._phase = "review"
            self._draw()
            self.query_one("#typed" if self._must_type() else "#cancel").focus()
        elif self._phase == "review" and self._draft is not None:
            self.run_worker(self._sign_and_send(self._draft), group="send", exclusive=True)

    def action_back(self) -> None:
        """One step back; during the countdown this withdraws what was signed."""
        if self._phase == "hold":
            self.workers.cancel_group(self, "send")
            self._phase, self._busy = "review", ""
            self.app.notify("Withdrawn: nothing was sent.", title=self._form.title, markup=False)
            self._draw()
        elif self._phase == "review" and not self._busy:
            self._phase = "edit"
            self.query_one("#typed", LineInput).value = ""
            self._draw()
            self._focus_first()
        elif self._phase in ("edit", "sent"):
            self.dismiss(None)

    def action_copy(self) -> None:
        home = shlex.quote(str(self.node_app.attached_home))
        command = f"neurond {self._form.command(in_shell(self._values()))} --home {home}"
        self.app.copy_to_clipboard(command)
        self.app.notify(command, title="Copied", markup=False)

    async def _sign_and_send(self, draft: Draft) -> None:
        try:
            signed = await self._sign(draft)
            if signed is None:
                return
            self._phase = "hold"
            for left in range(self.node_app.options.hold_steps, 0, -1):
                self._left = left
                self._draw()
                await asyncio.sleep(limits.HOLD_STEP_S)
            self._phase, self._busy = "sent", "sending"
            self._draw()
            await self._send(draft, signed)
        except EXPECTED as error:
            self._problem = clean(str(error))
        finally:
            self._busy = ""
            self._draw()

    async def _sign(self, draft: Draft) -> Signed | None:
        """Sign in this process; None when the user turned back at the password."""
        app = self.node_app

        def sign(password: str | None) -> Signed:
            return app.port.sign(app.attached_home, self._coldkey, password, draft)

        return await unlocked(app, self._coldkey, sign, self._tell)

    def _tell(self, busy: str) -> None:
        self._busy = busy
        self._draw()

    async def _send(self, draft: Draft, signed: Signed) -> None:
        api = self.node_app.api
        try:
            await api.tx_submit(signed.raw)
        except (ConnectionLost, RequestTimeout):
            self._may_be_sent = True  # the node had it in its hands and did not answer
            raise
        async for status in follow(api, signed, draft.context, asyncio.sleep):
            self._status, self._busy = status, ""
            self._draw()

    # --- drawing ----------------------------------------------------------------------------------------------------

    def _lines(self) -> list[LineInput]:
        return list(self.query("#money-fields LineInput").results(LineInput))

    def _values(self) -> dict[str, str]:
        return {each.name: value_of(self.query_one(f"#field-{each.name}")) for each in self._form.fields}

    def _must_type(self) -> bool:
        draft = self._draft
        return draft is not None and max(draft.pays_rao, draft.gets_rao, draft.worth_rao) > limits.TYPED_ABOVE_RAO

    def _typed_right(self) -> bool:
        return is_typed(self.query_one("#typed", LineInput).value, self._typed)

    def _why_not(self) -> str:
        """Return why the next step cannot be taken, empty when it can."""
        if self._busy or self._phase in ("hold", "sent"):
            return self._busy or "it is on its way"
        if self._draft is None:
            return self._problem or "fill in all lines"
        if self._draft.refusal is not None:
            return clean(f"{self._draft.refusal.message} {self._draft.refusal.hint}".strip())
        if self._phase == "review" and self._must_type() and not self._typed_right():
            return f"a large sum: type {self._typed_words()} once more"
        return ""

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        self.query_one("#money-preview", Static).update(rows(self._words()))
        progress = self.query_one("#money-progress", Static)
        progress.update(rows(self._progress()))
        progress.display = self._phase in ("hold", "sent")
        why_not = self._why_not()
        shown = why_not if self._phase in ("edit", "review") and (self._draft or self._problem) else self._problem
        fails = bool(self._problem) or (self._draft is not None and self._draft.refusal is not None)
        mark: tuple[str, Tone] = ("✖ ", "bad") if fails else ("! ", "warn")
        self.query_one("#money-failure", Static).update(say(mark, shown) if shown else Content(""))
        self.query_one("#money-fields").display = self._phase == "edit"  # a review repeats them in its own words
        self.query_one("#typed-label", Static).update(f"type {self._typed_words()}")
        self.query_one("#typed-row").display = self._phase == "review" and self._must_type()
        go = self.query_one("#go", Button)
        go.label = "Review" if self._phase == "edit" else "Sign"
        go.disabled = bool(why_not)
        go.display = self._phase in ("edit", "review")
        back = {"edit": "Cancel (esc)", "review": "Back (esc)", "hold": "Withdraw (esc)", "sent": "Close (esc)"}
        cancel = self.query_one("#cancel", Button)
        if str(cancel.label) != back[self._phase]:
            cancel.label = back[self._phase]
            cancel.refresh(layout=True)  # a label does not by itself make its button wider

    def _typed_words(self) -> str:
        return f"the word {self._typed}" if isinstance(self._typed, str) else "the amount"

    def _words(self) -> list[Content]:
        draft = self._draft
        if draft is None:
            return [say(("What it will do is shown here before anything is signed.", "dim"))]
        lines = [say((clean(draft.title, 80), "strong"))]
        lines += [field(clean(label, 40), say(clean(text, 100)), _LABEL_CELLS) for label, text in draft.lines]
        lines += [say(("! ", "warn"), clean(warning)) for warning in draft.warnings]
        return lines

    def _progress(self) -> list[Content]:
        """The countdown, and then what becomes of it; always in sight, however long the preview is."""
        if self._phase == "hold":
            bar = "▰" * self._left + "▱" * (self.node_app.options.hold_steps - self._left)
            return [say(("signed; sent in ", "accent"), (f"{self._left} s ", "strong"), (bar, "accent"))]
        return self._outcome() if self._phase == "sent" else []

    def _outcome(self) -> list[Content]:
        status = self._status
        if status is None and self._may_be_sent:
            return [
                say(("! ", "warn"), ("it may have been sent", "warn"), ": the node did not answer."),
                say(("Look at your balance and history before you do it again.", "dim")),
            ]
        if status is None:
            return [say(("… ", "accent"), self._busy or "not sent")]
        where = "" if status.height is None else f" in block {count(status.height)}"
        match status.state:
            case "final":
                return [say(("✓ ", "good"), f"final{where}"), say(("Esc closes.", "dim"))]
            case "failed":
                error = status.error
                why = "" if error is None else clean(f"{error.message} {error.hint}".strip())
                return [say(("✖ ", "bad"), f"failed{where}. {why}"), say(("Nothing but the fee was taken.", "dim"))]
            case other:
                words = f"{where.strip()}, not final yet" if where else clean(other.replace("_", " "), 20)
                return [say(("… ", "accent"), words), say(("Esc closes; it goes on by itself.", "dim"))]


def field_widget(each: Field, usual_limit: str = "") -> LineInput | Checkbox:
    """Make the widget of one line of a form; its id is "field-" and the line's name. A limit begins as usual."""
    if each.toggle:
        return Tick(each.value == YES, id=f"field-{each.name}")
    line = LineInput(limits.FIELD_CHARS_MAX, placeholder=each.placeholder, id=f"field-{each.name}")
    line.value = usual_limit if usual_limit and each.name == "tolerance" else each.value
    return line


def value_of(widget: Widget) -> str:
    """Return what was typed into a line, or `YES` for a box that is ticked."""
    if isinstance(widget, Checkbox):
        return YES if widget.value else ""
    return widget.value.strip() if isinstance(widget, LineInput) else ""
