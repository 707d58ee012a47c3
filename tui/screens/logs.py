"""What the node says: levels, components, patterns, times, older lines from the file."""

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import ClassVar, Final

from msgspec.structs import replace
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input

from node.control.schema import LogLevel, LogLine
from tui.limits import FILTER_CHARS_MAX, OLDER_LINES_MAX, PATH_CHARS_MAX
from tui.log_lines import PatternError, Sieve, Wanted, areas_of, at_or_after, pretty, wanted_pattern
from tui.model import Model
from tui.port import API_ERRORS
from tui.screens.base import NodeScreen
from tui.screens.log_line import LogLineScreen
from tui.screens.prompt import Prompt
from tui.spans import SpanError, parse_moment
from tui.text import clean, count, time_of_day
from tui.widgets.area_chips import AreaChips
from tui.widgets.draw import edge, say
from tui.widgets.line_input import LineInput
from tui.widgets.log_view import LogView, as_text
from tui.work import begin

_LEVELS: Final[tuple[LogLevel, ...]] = ("info", "warning", "error", "debug")
_OLDER_PAGE: Final = 500
_MOMENT_CHARS: Final = 20


class LogsScreen(NodeScreen):
    """The log with level, components and pattern."""

    NAME = "logs"
    COMMAND = "logs -f"
    HELP = (
        "The node's log. v goes through the levels, / takes a pattern such as peer.*lost, ! before it turns it round, "
        "f leaves all lines and marks those that fit, o reads older ones from the file."
    )
    CSS_PATH = "logs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Pattern", key_display="/", tooltip="Only lines that fit; ! before it: all others"),
        Binding("v", "level", "Level", tooltip="From info on, warning, error, debug"),
        Binding("f", "find", "Find", tooltip="Leave all lines and go through those that fit, or leave others out"),
        Binding("n", "hit(1)", "Next fit", show=False),
        Binding("N", "hit(-1)", "Fit before", show=False),
        Binding("c", "only", "Component", tooltip="Only the component of the chosen line; again: all"),
        Binding("w", "wrap", "Wrap", tooltip="Wrap long lines"),
        Binding("T", "time", "Time", tooltip="Go to a time of day, or so long ago"),
        Binding("o", "older", "Older", tooltip="Read older lines from the node's log file"),
        Binding("s", "save", "Save", tooltip="Write the lines that are shown into a new file"),
        Binding("escape", "unfilter", "Show all", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._painted: tuple[object, ...] = ()
        self._wanted = Wanted()
        self._trouble = ""
        self._sieve = Sieve()
        self._older: deque[LogLine] = deque(maxlen=OLDER_LINES_MAX)
        self._cursor: str | None = None  # None: nothing was read yet; "": the file's beginning is here
        self._reading = False
        self._version = 0  # of what this screen itself holds

    def body(self) -> Iterable[Widget]:
        yield AreaChips(id="areas")
        view = LogView("No line yet at this level.", utc_offset_s=self.node_app.utc_offset_s, id="log")
        view.add_class("pane")
        yield view
        yield LineInput(FILTER_CHARS_MAX, placeholder="pattern, or !pattern: peer.*lost, took \\d\\d+ ms", id="filter")

    def paint_body(self, model: Model) -> None:
        view = self.query_one(LogView)
        key = (*model.key(("log",)), self._wanted, self._version, view.following, self._trouble, view.wrapping)
        if key == self._painted:
            return
        self._painted = key
        shown = self._sifted(model)
        pattern = self._wanted.pattern
        marks = pattern is not None and not self._wanted.inverse and not self._trouble
        view.show(shown, "debug", pattern.span_in if marks and pattern is not None else lambda _: None)
        areas = areas_of(chain(self._older, model.log))
        self.query_one(AreaChips).show(areas, self._wanted.hidden)
        view.border_title = Content(f"Log · {self._wanted.level} and above")
        edge(view, self._edge(model, view))

    def _sifted(self, model: Model) -> list[LogLine]:
        try:
            return self._sieve.sifted(chain(self._older, model.log), self._wanted)
        except PatternError as error:
            self._trouble = str(error)
            return self._sieve.sifted(chain(self._older, model.log), replace_pattern(self._wanted))

    def _edge(self, model: Model, view: LogView) -> Content:
        if self._trouble:
            return say((clean(self._trouble, 200), "bad"))
        total = len(model.log) + len(self._older)
        lost = f" · {count(model.log_lost)} missed" if model.log_lost else ""
        held = "" if view.following else " · holding still, G follows"
        return Content(f"{count(len(view.lines))} of {count(total)} lines{lost}{held}")

    # what is shown

    def action_level(self) -> None:
        """Go to the next level; only "debug" asks the node for more than it sends anyway."""
        level = _LEVELS[(_LEVELS.index(self._wanted.level) + 1) % len(_LEVELS)]
        self._want(level=level)
        self.node_app.follow_log(level)

    def action_only(self) -> None:
        """Show the chosen line's component alone, or all again."""
        line = self.query_one(LogView).chosen
        hidden: frozenset[str] = frozenset()
        if not self._wanted.hidden and line is not None:
            everybody = {each.area for each in areas_of(chain(self._older, self.model.log))}
            hidden = frozenset(everybody - {line.area})
        self._want(hidden=hidden)

    def on_area_chips_toggled(self, event: AreaChips.Toggled) -> None:
        self._want(hidden=self._wanted.hidden ^ {event.area})

    def action_find(self) -> None:
        """Leave all lines and only mark those that fit, or the other way round."""
        if self._wanted.pattern is None:
            self.action_filter()
        self._want(finding=not self._wanted.finding)
        words = "all lines; n and N go through those that fit" if self._wanted.finding else "only lines that fit"
        self.notify(words, title="Find", timeout=3)

    def action_hit(self, step: int) -> None:
        """Go to the next line that fits, or to the one before."""
        view = self.query_one(LogView)
        lines, here = view.lines, view.chosen
        if self._wanted.pattern is None or here is None:
            self.notify("There is no pattern; / takes one.", timeout=3)
            return
        at = next((index for index, line in enumerate(lines) if line.seq == here.seq), 0)
        later = range(at + 1, len(lines)) if step > 0 else range(at - 1, -1, -1)
        found = next((index for index in later if self._sieve.fits(lines[index])), None)
        if found is None:
            self.notify("No further line fits.", timeout=2)
        else:
            view.go_to(found)

    def action_wrap(self) -> None:
        self.query_one(LogView).action_wrap()

    def _want(self, **changes: object) -> None:
        values = {name: getattr(self._wanted, name) for name in ("level", "hidden", "pattern", "inverse", "finding")}
        self._wanted = Wanted(**{**values, **changes})
        self.paint_body(self.model)

    # the pattern's line

    def action_filter(self) -> None:
        line = self.query_one("#filter", LineInput)
        line.add_class("-shown")
        line.focus()

    def action_unfilter(self) -> None:
        line = self.query_one("#filter", LineInput)
        if not line.value and not line.has_focus:
            if not self._wanted.hidden:
                raise SkipAction
            self._want(hidden=frozenset())
        line.value = ""
        line.remove_class("-shown")
        self.query_one(LogView).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        try:
            pattern, inverse = wanted_pattern(event.value)
            self._trouble = ""
            self._want(pattern=pattern, inverse=inverse)
        except PatternError as error:  # what was understood last stays in force
            self._trouble = str(error)
            self.paint_body(self.model)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.query_one("#filter").set_class(bool(event.value), "-shown")
        self.query_one(LogView).focus()

    # times, older lines, files

    def action_time(self) -> None:
        now_ms, offset_s = self.node_app.clock.now_ms(), self.node_app.utc_offset_s

        def trouble(text: str) -> str:
            try:
                parse_moment(text, now_ms, offset_s)
            except SpanError as error:
                return str(error)
            return ""

        def go(text: str | None) -> None:
            if text is not None:
                view = self.query_one(LogView)
                view.go_to(at_or_after(view.lines, parse_moment(text, now_ms, offset_s)))

        words = say("A time of day such as 12:30, or how long ago: 90s, 10m, 2h.")
        self.app.push_screen(Prompt("Go to a time", words, chars_max=_MOMENT_CHARS, check=trouble), go)

    def action_older(self) -> None:
        if self._cursor == "":
            self.notify("The file begins here: there is nothing older.", timeout=3)
        elif len(self._older) >= OLDER_LINES_MAX:
            self.notify(f"{count(OLDER_LINES_MAX)} older lines are here; more are in the file.", timeout=4)
        elif not self._reading:
            self._reading = True
            begin(self, self._read_older, "older")

    async def _read_older(self) -> None:
        first = self._older[0] if self._older else next(iter(self.model.log), None)
        try:
            page = await self.node_app.api.log_file(
                self._cursor or "", 0 if first is None else first.time_ms, self._wanted.level, _OLDER_PAGE
            )
        except API_ERRORS as error:
            self.notify(clean(str(error), 300), title="No older lines", severity="error", markup=False)
            return
        finally:
            self._reading = False
        self._cursor = page.cursor
        lowest = min((line.seq for line in self._older), default=0)
        for number, line in enumerate(reversed(page.lines), 1):
            self._older.appendleft(replace(line, seq=lowest - number))
        self._version += 1
        self.paint_body(self.model)
        if page.lines:
            self.query_one(LogView).go_to(len(page.lines) - 1)
        self.notify(f"{count(len(page.lines))} older lines", timeout=2)

    def on_log_view_opened(self, event: LogView.Opened) -> None:
        text = pretty(event.line, time_of_day(event.line.time_ms, self.node_app.utc_offset_s))
        self.app.push_screen(LogLineScreen(text))

    def action_save(self) -> None:
        lines = self.query_one(LogView).lines
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(self.node_app.clock.now_ms() / 1000))
        words = say(f"{count(len(lines))} lines go into a new file on this machine:")
        name = str(Path.home() / f"neurond-{stamp}.log")

        def save(path: str | None) -> None:
            if path is not None:
                begin(self, partial(self._save, Path(path).expanduser(), lines), "save", exclusive=False)

        self.app.push_screen(Prompt("Save", words, chars_max=PATH_CHARS_MAX, value=name), save)

    async def _save(self, path: Path, lines: tuple[LogLine, ...]) -> None:
        try:
            await asyncio.to_thread(_write_new, path, as_text(lines, self.node_app.utc_offset_s))
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            self.notify(f"{path}: {why}. Choose another name.", title="Not saved", severity="error", markup=False)
        else:
            self.notify(str(path), title="Saved", markup=False)

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(LogView).focus()


def replace_pattern(wanted: Wanted) -> Wanted:
    """Return the same without its pattern."""
    return Wanted(wanted.level, wanted.hidden)


def _write_new(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
