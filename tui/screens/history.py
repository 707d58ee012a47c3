"""What moved on one account: the node's record of final blocks, a filter, and CSV."""

import asyncio
from functools import partial
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from node.control.gains import Gains, gains_of
from node.control.views.history import HistoryItem, HistoryPage
from tui import limits
from tui.port import API_ERRORS, PortError
from tui.screens.base import Dialog
from tui.screens.prompt import Prompt
from tui.text import alpha, clean, count, plural, short, tau, time_of_day
from tui.themes import Tone
from tui.widgets.draw import rows, say
from tui.widgets.line_input import LineInput
from tui.widgets.live_table import Cell, Column, LiveTable, Row
from tui.work import begin

_COLUMNS: Final = (
    Column("block", 9, right=True),
    Column("time", 17, rank=2),
    Column("event", 18, grow=True),
    Column("net", 4, right=True, rank=1),
    Column("free τ", 15, right=True),
    Column("α", 15, right=True, rank=3),
    Column("other side", 10, rank=2),
)
_EVENTS_MAX: Final = 1_000_000  # of one block, far above what fits, so that rows sort by their place


class HistoryScreen(Dialog[None]):
    """The newest events that name the account; `m` looks further back."""

    HELP = "What final blocks have done to this account, as far back as this node keeps events. Fees are not events."
    CSS_PATH = "history.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("m", "more", "Further back", tooltip="Look further back"),
        Binding("v", "save", "Save CSV", tooltip="Save what was found as CSV"),
    ]

    def __init__(self, name: str, address: str) -> None:
        super().__init__()
        self._account, self._address = name, address
        self._items: list[HistoryItem] = []
        self._page: HistoryPage | None = None
        self._gains: Gains | None = None
        self._problem = ""

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content(f"History of {clean(self._account, 60)}")
            box.border_subtitle = Content("/ filter · m further back · v saves CSV · esc closes")
            yield LiveTable(_COLUMNS, "No event of this account was found yet.", sort=0, descending=True)
            yield LineInput(limits.FILTER_CHARS_MAX, placeholder="filter: word, !without", id="history-filter")
            yield Static("", id="history-words", markup=False)

    def on_mount(self) -> None:
        self.query_one("#history-filter").display = False
        self.query_one(LiveTable).focus()
        self.action_more()

    def action_more(self) -> None:
        begin(self, self._more, "history")

    async def _more(self) -> None:
        """One page further back, or several where nothing is found."""
        for _ in range(limits.HISTORY_TRIES):
            last = self._page
            if last is not None and not last.more:
                break
            before = (None, 0) if last is None else (last.searched_from, last.searched_position)
            try:
                self._page = await self.node_app.api.history(self._address, limits.HISTORY_ITEMS, *before)
            except API_ERRORS as error:
                self._problem = clean(str(error))
                break
            room = limits.HISTORY_KEPT_MAX - len(self._items)
            self._items += self._page.items[:room]
            self._show()
            if self._page.items or room <= 0:
                break
        if self._page is not None and not self._page.more and len(self._items) < limits.HISTORY_KEPT_MAX:
            await self._count_gains(self._page.kept_from)
        self._show()

    async def _count_gains(self, since_height: int) -> None:
        """Once the whole past is here; a failure leaves the line away, the events are what was asked for."""
        try:
            account = await self.node_app.api.account(self._address)
        except API_ERRORS:
            return
        self._gains = gains_of(account, self._items, since_height)

    def _show(self) -> None:
        if not self.is_mounted:
            return
        offset_s = self.node_app.utc_offset_s
        self.query_one(LiveTable).show([_row(each, offset_s) for each in self._items], None)
        self.query_one("#history-words", Static).update(self._words())

    def _words(self) -> Content:
        page = self._page
        if self._problem:
            return say(("✖ ", "bad"), self._problem)
        if page is None:
            return say(("Reading.", "dim"))
        found = plural(len(self._items), "event")
        if page.more:
            return say(f"{found}, searched back to block {count(page.searched_from)}.", (" m looks further.", "dim"))
        words = say(f"{found}. This node keeps events from block {count(page.kept_from)} on.")
        return words if self._gains is None else rows([words, _gains_line(self._gains)])

    def action_filter(self) -> None:
        line = self.query_one("#history-filter", LineInput)
        line.display = True
        line.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one(LiveTable).set_filter(event.value)

    def on_input_submitted(self, _: Input.Submitted) -> None:
        self.query_one(LiveTable).focus()

    def action_close(self) -> None:
        """Take the filter away first."""
        line = self.query_one("#history-filter", LineInput)
        if line.display:
            line.value = ""
            line.display = False
            self.query_one(LiveTable).focus()
        else:
            self.dismiss(None)

    def action_save(self) -> None:
        words = say(f"{plural(len(self._items), 'event')} as CSV, exact to the rao. File:")
        prompt = Prompt("Save history", words, chars_max=limits.PATH_CHARS_MAX, value=f"{clean(self._account, 60)}.csv"
                        .replace("/", "-"))  # fmt: skip
        self.app.push_screen(prompt, self._save_as)

    def _save_as(self, path: str | None) -> None:
        if path is not None:
            begin(self, partial(self._saved, path), "save")

    async def _saved(self, path: str) -> None:
        from node.control.history_csv import history_csv

        app, text = self.node_app, history_csv(self._items)
        try:
            written = await asyncio.to_thread(app.port.at_desk, app.attached_home, lambda desk: desk.save(path, text))
        except PortError as error:
            self.notify(clean(str(error)), title="Not saved", severity="error", timeout=10, markup=False)
        else:
            self.notify(clean(written), title="Saved", markup=False)


def _gains_line(found: Gains) -> Content:
    """What stake has brought; `neurond stake gains` tells it subnet by subnet."""
    tone: Tone = "good" if found.gain_rao > 0 else "bad" if found.gain_rao < 0 else "dim"
    flows = f"{tau(found.put_rao)} put in, {tau(found.taken_rao)} taken out, worth {tau(found.worth_rao)} now: "
    return say(("stake  ", "dim"), flows, (f"{tau(found.gain_rao, sign=True)} gained", tone))


def _row(item: HistoryItem, offset_s: int) -> Row:
    tones: dict[str, Tone] = {"in": "good", "out": "warn", "self": "plain", "about": "dim"}
    free = tau(item.free_rao, sign=True) if item.free_rao else ""
    return Row(
        f"{item.height}.{item.position}",
        (
            Cell(count(item.height), "dim", item.height + item.position / _EVENTS_MAX),
            Cell(_when(item.time_ms, offset_s), "dim", item.time_ms),
            Cell(clean(item.event, 60), tones[item.direction]),
            Cell("" if item.netuid is None else str(item.netuid), "dim"),
            Cell(free, "good" if item.free_rao > 0 else "warn", item.free_rao),
            Cell(alpha(item.alpha) if item.alpha else "", "plain", item.alpha),
            Cell(short(item.other) if item.other else "", "second"),
        ),
    )


def _when(time_ms: int, offset_s: int) -> str:
    if not time_ms:
        return ""
    import datetime

    day = datetime.datetime.fromtimestamp(time_ms / 1000 + offset_s, datetime.UTC)
    return f"{day:%y-%m-%d} {time_of_day(time_ms, offset_s)}"
