"""The ticket of Stake & swap: what to do with the chosen position, filled in, quoted live, and handed to the review.

It never signs: "Review" opens the same dialog that every other move of money goes through, filled in.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, Literal, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Checkbox, Input, Static
from textual.worker import WorkType

from node.control.intents import MoveIntent, StakeIntent, StakeKind, SwapIntent, TransferStakeIntent, UnstakeIntent
from node.control.schema import Metagraph, SubnetInfo
from node.control.standing import Shift, shifts_of, standing
from tui import limits
from tui.after import standing_words
from tui.drafting import Quoted, quote
from tui.form_fields import in_shell
from tui.model import Model
from tui.money_form import (
    FilledForm,
    Form,
    MoveForm,
    StakeForm,
    SwapForm,
    TransferStakeForm,
    UnstakeAllForm,
    UnstakeForm,
)
from tui.positions import Place
from tui.screens.money import field_widget, value_of
from tui.text import clean, short
from tui.themes import TONES
from tui.widgets.draw import field, rows, say
from tui.widgets.impact import ImpactCurve, Trade
from tui.widgets.line_input import LineInput

if TYPE_CHECKING:
    from tui.app import NeurondApp

Mode = Literal["stake", "unstake", "swap", "move", "give", "all"]
MODES: Final[dict[Mode, tuple[str, str]]] = {
    "stake": ("s", "(s)take"), "unstake": ("u", "(u)nstake"), "swap": ("w", "s(w)ap"), "move": ("v", "mo(v)e"),
    "give": ("x", "give(x)"), "all": ("A", "(A)ll"),
}  # fmt: skip
Graphs = Callable[[int], Metagraph | None]
_LABEL_CELLS: Final = 24
_SHIFTS_SHOWN_MAX: Final = 3
_ADDRESS_CHARS: Final = 48


class ModeStrip(Widget):
    """The kinds of move; the one that is on has a sign."""

    DEFAULT_CSS = "ModeStrip { height: 1; width: 100%; }"

    class Chosen(Message):
        """One was clicked."""

        def __init__(self, mode: Mode) -> None:
            super().__init__()
            self.mode = mode

    def __init__(self) -> None:
        super().__init__()
        self._mode: Mode = "stake"

    def show(self, mode: Mode) -> None:
        """Mark a kind."""
        self._mode = mode
        self.refresh()

    def render(self) -> Content:
        return Content(" ").join([self._word(mode) for mode in MODES])

    def _word(self, mode: Mode) -> Content:
        here = mode == self._mode
        text = MODES[mode][1]
        return Content.assemble((f"▸{text}" if here else text, "$text-accent bold" if here else TONES["dim"]))

    def on_click(self, event: events.Click) -> None:
        x = event.x
        for mode in MODES:
            width = self._word(mode).cell_length
            if 0 <= x < width:
                self.post_message(self.Chosen(mode))
                return
            x -= width + 1


class Ticket(Vertical):
    """See the module."""

    HELP: ClassVar[str] = (
        "What would happen is quoted while you type. Review opens the dialog in which it is signed, with a countdown."
    )

    def __init__(self, graphs: Graphs) -> None:
        super().__init__(id="ticket", classes="pane")
        self.mode: Mode = "stake"
        self._graphs = graphs
        self._place: Place | None = None
        self._form: Form | None = None
        self._quoted = Quoted(0)
        self._threshold_rao = 0
        self._shown: object = None
        self.border_title = Content("Ticket")

    def compose(self) -> ComposeResult:
        with Horizontal(id="ticket-body"):
            with Vertical(id="ticket-left"):
                yield ModeStrip()
                yield Vertical(id="ticket-fields")
                yield Static("", id="ticket-after", markup=False)
                yield Static("", id="ticket-failure", classes="failure", markup=False)
                with Horizontal(id="ticket-buttons"):
                    yield Button("Review", id="review", compact=True)
                    yield Button("Clear", id="clear", compact=True)
            with VerticalScroll(id="ticket-preview", can_focus=False):
                yield Static("", id="ticket-words", markup=False)
            with Vertical(id="ticket-impact"):
                yield Static(Content.styled("price moves by", TONES["dim"]), markup=False)
                yield ImpactCurve()

    # --- what it is about -------------------------------------------------------------------------------------------

    def choose(self, place: Place | None, mode: Mode | None = None) -> None:
        """Take up another position or another kind of move; what was typed stays while both stay."""
        mode = mode or self.mode
        if place == self._place and mode == self.mode:
            return
        same = place is not None and self._place is not None and place.key == self._place.key
        self._place = place
        if place is not None and same and mode == self.mode:
            self._form = self._form_of(place, mode)  # the position's amounts may have changed; what is typed has not
            return
        self.mode = mode
        self._form = None if place is None else self._form_of(place, mode)
        self._quoted = Quoted(0)
        self.query_one(ModeStrip).show(mode)
        self._begin(self._lay_fields, "fields")

    def _form_of(self, place: Place, mode: Mode) -> Form | None:
        stake = place.stake
        if mode == "stake":
            own = self._app.own_hotkey()
            return StakeForm(place.netuid, own if stake is None else clean(stake.hotkey))
        if stake is None:
            return None
        if mode == "all":
            return UnstakeAllForm(stake.hotkey)
        kinds: dict[Mode, Callable[[int, str, int], Form]] = {
            "unstake": UnstakeForm, "swap": SwapForm, "move": MoveForm, "give": TransferStakeForm
        }  # fmt: skip
        return kinds[mode](stake.netuid, stake.hotkey, stake.stake_alpha)

    async def _lay_fields(self) -> None:
        """Put the lines of the form in place of the former ones."""
        fields = self.query_one("#ticket-fields")
        await fields.remove_children()
        await fields.mount(
            *(
                Horizontal(
                    Static(each.label, classes="ticket-label", markup=False),
                    field_widget(each, self._app.options.tolerance),
                )
                for each in (self._form.fields if self._form is not None else ())
            )
        )
        if self.screen.has_class("-see-ticket"):
            self.focus_first()
        self._draw()
        self._ask(pause=False)

    def focus_first(self) -> None:
        """To the first line that is empty, else the first."""
        lines = list(self.query("#ticket-fields LineInput").results(LineInput))
        empty = next((line for line in lines if not line.value), None)
        if lines:
            (empty or lines[0]).focus()

    # --- the quote --------------------------------------------------------------------------------------------------

    def paint(self, model: Model, threshold_rao: int) -> None:
        """Ask again when the chain has gone on, and show what has come."""
        height = 0 if model.status is None else model.status.height
        self._threshold_rao = threshold_rao
        if (self._quoted.draft is not None or self._quoted.problem) and self._quoted.is_old(height):
            self._quoted = replace(self._quoted, height=height)
            self._ask(pause=False)
        self._draw()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._typed()

    def on_checkbox_changed(self, event: Checkbox.Changed) -> None:
        event.stop()
        self._typed()

    def _typed(self) -> None:
        self._quoted = Quoted(self._quoted.height)
        self._ask(pause=True)
        self._draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes to the next line that is empty, then to the review."""
        event.stop()
        lines = list(self.query("#ticket-fields LineInput").results(LineInput))
        empty = next((line for line in lines if not line.value), None)
        if empty is not None:
            empty.focus()
        else:
            self.review()

    def _ask(self, *, pause: bool) -> None:
        self._begin(partial(self._quote, pause), "quote")

    def _begin(self, work: WorkType[None], group: str) -> None:
        self.run_worker(work, group=group, exclusive=True)

    async def _quote(self, pause: bool) -> None:
        form, coldkey, about = self._form, self._coldkey(), self._about()
        if pause:
            await asyncio.sleep(limits.DRAFT_PAUSE_S)
        if form is None or coldkey is None or about != self._about():
            return
        found = await quote(self._app, form, self.values(), coldkey)
        if about == self._about():
            self._quoted = found
            self._draw()

    def _about(self) -> tuple[str, Mode]:
        """What a quote is about."""
        return "" if self._place is None else self._place.key, self.mode

    def values(self) -> dict[str, str]:
        """What is typed, by the names of the lines; empty while the lines are laid."""
        found = {}
        for each in () if self._form is None else self._form.fields:
            widget = self.query(f"#field-{each.name}").first() if self.query(f"#field-{each.name}") else None
            found[each.name] = each.value if widget is None else value_of(widget)
        return found

    # --- going on ---------------------------------------------------------------------------------------------------

    def on_mode_strip_chosen(self, event: ModeStrip.Chosen) -> None:
        self.choose(self._place, event.mode)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "clear":
            self._begin(self._lay_fields, "fields")
        else:
            self.review()

    def review(self) -> None:
        """Open the dialog that signs, unless something speaks against it; then its reason is shown already."""
        if self._form is not None and not self._why_not():
            self._app.move(FilledForm(self._form, self.values()))

    def command(self) -> str:
        """What the ticket would do, on the command line; empty while it says nothing."""
        values = self.values()
        return "" if self._form is None or not any(values.values()) else self._form.command(in_shell(values))

    def _why_not(self) -> str:
        if self._app.options.read_only:
            return self._app.read_only_words
        if self._coldkey() is None:
            return "This node knows no coldkey. Make one: neurond wallet create"
        if self._place is None:
            return "Choose a position or a subnet above."
        if self._form is None:
            return "You have no stake there: choose a position of yours, or stake first."
        found = self._quoted
        if found.problem:
            return found.problem
        if found.draft is None:
            return "fill in all lines"
        if found.draft.refusal is not None:
            return clean(f"{found.draft.refusal.message} {found.draft.refusal.hint}".strip())
        return ""

    # --- drawing ----------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        lines, after, trade, why_not = self._words(), self._after(), self._trade(), self._why_not()
        shown = (lines, after, trade, why_not, self.mode, self._place)
        if shown == self._shown:
            return
        self._shown = shown
        self.query_one("#ticket-words", Static).update(rows(lines))
        self.query_one("#ticket-after", Static).update(rows(after))
        fails = bool(self._quoted.problem) or self._quoted.draft is not None
        told = say(("✖ " if fails else "! ", "bad" if fails else "warn"), why_not) if why_not else Content("")
        self.query_one("#ticket-failure", Static).update(told)
        self.query_one("#review", Button).disabled = bool(why_not)
        self.query_one(ImpactCurve).show(trade, _without_curve(self._quoted))
        place = self._place
        where = "" if place is None else f" · subnet {place.netuid}" if place.netuid else " · root"
        self.border_title = Content(f"Ticket{where}")

    def _words(self) -> list[Content]:
        draft = self._quoted.draft
        if draft is None:
            return [say(("What it will do is shown here while you type.", "dim"))]
        lines = [say((clean(draft.title, 80), "strong"))]
        lines += [say(("! ", "warn"), clean(warning)) for warning in draft.warnings]  # before what may be out of sight
        return lines + [field(clean(label, 40), say(_told(text)), _LABEL_CELLS) for label, text in draft.lines]

    def _after(self) -> list[Content]:
        """What it would make of the seats behind it, as far as their subnets are known here."""
        draft, intent, model = self._quoted.draft, self._quoted.intent, self._app.model
        if draft is None or not isinstance(intent, StakeKind):
            return []
        found = []
        for shift in shifts_of(intent, draft.gets_alpha, model.account)[:_SHIFTS_SHOWN_MAX]:
            graph = self._graphs(shift.netuid)
            if graph is not None:
                found.append(self._standing(graph, shift))
        return found

    def _standing(self, graph: Metagraph, shift: Shift) -> Content:
        return standing_words(standing(graph, shift, self._threshold_rao, _permits(self._subnet(shift.netuid))))

    def _trade(self) -> Trade | None:
        """The swap to be drawn: of the pool that is sold into, or bought from."""
        intent = self._quoted.intent
        match intent:
            case StakeIntent():
                subnet, amount = self._subnet(intent.netuid), intent.amount_rao
            case UnstakeIntent():
                subnet, amount = self._subnet(intent.netuid), intent.amount_alpha
            case SwapIntent() | MoveIntent() | TransferStakeIntent():
                if intent.origin_netuid == intent.destination_netuid:
                    return None
                subnet, amount = self._subnet(intent.origin_netuid), intent.amount_alpha
            case _:
                return None
        if subnet is None:
            return None
        side: Literal["buy", "sell"] = "buy" if isinstance(intent, StakeIntent) else "sell"
        return Trade(side, subnet.pool_rao, subnet.pool_alpha, subnet.price_rao, amount, intent.tolerance_ppm)

    def _subnet(self, netuid: int) -> SubnetInfo | None:
        return next((each for each in self._app.model.subnets or () if each.netuid == netuid), None)

    def _coldkey(self) -> str | None:
        status = self._app.model.status
        return None if status is None else status.coldkey

    @property
    def _app(self) -> "NeurondApp":
        return cast("NeurondApp", self.app)


def _without_curve(found: Quoted) -> str:
    """Why no curve is drawn."""
    if found.draft is None:
        return ""
    return "No pool is touched." if found.draft.impact_ppm is None else "Several pools: see the lines."


def _told(text: str) -> str:
    """A line of a draft; addresses, which the review shows whole, in short."""
    return short(text, 6, 6) if len(text) == _ADDRESS_CHARS and text.isalnum() else clean(text, 100)


def _permits(subnet: SubnetInfo | None) -> int | None:
    """How many seats of a subnet may validate; None where the node does not tell."""
    found = next((each.value for each in subnet.parameters if each.name == "max_validators"), "") if subnet else ""
    return int(found) if found.isascii() and found.isdecimal() and len(found) < 6 else None
