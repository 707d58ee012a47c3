"""The doctor's half of the settings screen: what was found, the worst first, and what to do about the chosen row."""

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from node.control.errors import RepairRefused
from node.control.fixes import Fix, fix_of, repair
from node.control.schema import Check, Checkup
from tui.port import API_ERRORS
from tui.screens.settings_dialogs import FixChoice, FixScreen
from tui.text import clean
from tui.themes import Tone
from tui.widgets.draw import rows, say
from tui.widgets.live_table import Cell, Column, LiveTable, Row
from tui.work import begin

if TYPE_CHECKING:
    from tui.app import NeurondApp

CHECK_COLUMNS: Final = (
    Column("", 6),
    Column("what", 14),
    Column("found", 24, grow=True),
)
_SIGNS: Final[dict[str, tuple[str, Tone]]] = {
    "ok": ("✓ ok", "good"),
    "warn": ("! look", "warn"),
    "bad": ("✗ bad", "bad"),
}
_RANK: Final = {"bad": 0, "warn": 1, "ok": 2}


class DoctorPane(Horizontal):
    """Asks the node when it is told to; carries out what is safe."""

    HELP: ClassVar[str] = "What `neurond doctor` finds. Enter shows what to do about a row."

    def __init__(self) -> None:
        super().__init__(id="doctor-body")
        self.checkup: Checkup | None = None
        self._trouble = ""
        self._examining = False

    def compose(self) -> Iterable[Widget]:
        checks = LiveTable(CHECK_COLUMNS, "Nothing was looked at yet.", id="checks")
        checks.add_class("pane")
        checks.border_title = Content("Doctor")
        finding = Static("", id="finding", classes="pane", markup=False)
        finding.border_title = Content("Finding")
        yield checks
        yield finding

    @property
    def node_app(self) -> "NeurondApp":
        return cast("NeurondApp", self.app)

    @property
    def is_examining(self) -> bool:
        return self._examining

    def examine(self) -> None:
        """Ask the node how it is, in the background."""
        if not self._examining:
            self._examining = True
            self._show()
            begin(self, self._examine, "doctor", exclusive=False)

    async def _examine(self) -> None:
        try:
            self.checkup = await self.node_app.api.doctor()
            self._trouble = ""
        except API_ERRORS as error:
            self._trouble = clean(str(error))
        finally:
            self._examining = False
            self._show()

    def _show(self) -> None:
        table = self.query_one("#checks", LiveTable)
        found = () if self.checkup is None else self.checkup.checks
        order = sorted(enumerate(found), key=lambda each: (_RANK[each[1].state], each[0]))
        table.show([_check_row(number, check) for number, check in order], self._trouble or None)
        bad = sum(each.state == "bad" for each in found)
        look = sum(each.state == "warn" for each in found)
        verdict = f"{bad} bad, {look} to look at, {len(found) - bad - look} ok" if found else ""
        table.border_subtitle = Content("examining …" if self._examining else verdict)
        self._show_finding()

    @property
    def finding(self) -> Check | None:
        """The chosen row of the doctor."""
        row = self.query_one("#checks", LiveTable).chosen
        found = self.checkup.checks if self.checkup is not None else ()
        return found[int(row.key)] if row is not None and int(row.key) < len(found) else None

    def _show_finding(self) -> None:
        check = self.finding
        if check is None:
            words = say(("examining …" if self._examining else self._trouble or "Nothing is chosen.", "dim"))
        else:
            sign, tone = _SIGNS[check.state]
            lines = [say((f"{sign}  ", tone), (clean(check.name, 60), "strong")), say(""), say(clean(check.found, 600))]
            if check.fix:
                lines += [say(""), say(("what to do", "dim")), say(clean(check.fix, 600))]
                lines += [say(""), say(("enter", "strong"), (" copies or carries out the fix", "dim"))]
            words = rows(lines)
        self.query_one("#finding", Static).update(words)

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        self._show_finding()

    def on_live_table_opened(self, event: LiveTable.Opened) -> None:
        self.fix()

    def fix(self) -> None:
        check = self.finding
        fix = None if check is None else fix_of(check, self.node_app.attached_home)
        if check is None or fix is None:
            self.notify("There is nothing to fix here.", severity="information")
            return
        app = self.node_app
        reason = app.read_only_words if app.options.read_only else ""
        app.push_screen(FixScreen(clean(check.name, 60), fix, reason), lambda done: self._fixed(fix, done))

    def _fixed(self, fix: Fix, done: FixChoice | None) -> None:
        if done == "copy":
            self.node_app.copy_to_clipboard(fix.command or fix.advice)
            self.notify(clean(fix.command or fix.advice, 200), title="Copied", markup=False)
        elif done == "run" and fix.kind == "start":
            self.node_app.action_restart()
        elif done == "run":
            begin(self, partial(self._repair, fix), "fix")

    async def _repair(self, fix: Fix) -> None:
        try:
            words = await asyncio.to_thread(repair, fix)
        except RepairRefused as error:
            self.notify(clean(str(error)), title="Not done", severity="error", timeout=12, markup=False)
        else:
            self.notify(clean(words), title="Done", markup=False)
        self.examine()


def _check_row(number: int, check: Check) -> Row:
    sign, tone = _SIGNS[check.state]
    cells = (
        Cell(sign, tone, _RANK[check.state]),
        Cell(clean(check.name, 60), "strong"),
        Cell(clean(check.found, 300), "plain" if check.state == "ok" else tone),
    )
    return Row(str(number), cells)
