"""Screen 8: what lies before the Senate: the call of each proposal, its votes, and voting on it."""

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from node.control.schema import ProposalView
from tui.model import Model
from tui.screens.tabled import TableScreen
from tui.tables import PROPOSAL_COLUMNS, proposal_rows
from tui.text import clean, count, cut, gauge, plural
from tui.widgets.draw import field, rows, say
from tui.widgets.live_table import LiveTable, Row

_ARGUMENTS_SHOWN = 20
_VOTERS_SHOWN = 12


class GovernanceScreen(TableScreen):
    """Open proposals, those that end first on top."""

    NAME = "governance"
    COMMAND = "proposals list"
    HEADING = "Proposals"
    HELP = "The Triumvirate proposes, the Senate votes, anybody closes. A proposal can make any call of the chain."
    PARTS = ("proposals", "status")
    CHANGES = frozenset({"vote", "close"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "vote(True)", "Vote for", tooltip="Vote yes with this node's hotkey, if it has a seat"),
        Binding("n", "vote(False)", "Against", tooltip="Vote no with this node's hotkey, if it has a seat"),
        Binding("c", "close", "Close", tooltip="Count the votes and carry out the call if it is approved"),
    ]

    def table(self) -> LiveTable:
        return LiveTable(PROPOSAL_COLUMNS, "No proposal is open.", sort=4)

    def rows(self, model: Model) -> list[Row] | None:
        return None if model.proposals is None else proposal_rows(model)

    def words(self, model: Model) -> Content:
        return Content(plural(len(model.proposals or ()), "proposal"))

    def detail(self, model: Model, key: str) -> Content:
        found = self._find(key)
        if found is None:
            return say(("This proposal is closed.", "dim"))
        height = model.status.height if model.status else 0
        full, empty = gauge(len(found.ayes) / max(found.threshold, 1), 20)
        left = max(0, found.end_height - height)
        return rows(
            [
                say((f"proposal {found.index} ", "strong"), clean(found.call, 60)),
                say(""),
                *_arguments(found),
                say(""),
                field("for", say((full, "good"), (empty, "dim"), f" {len(found.ayes)} of {found.threshold}")),
                field("against", say(count(len(found.nays)))),
                field("ends", say(f"block {count(found.end_height)}, in {plural(left, 'block')}")),
                field("closable", say(("yes: c closes it", "good") if found.closable else ("not yet", "dim"))),
                say(""),
                say(("proposed by", "dim")),
                say(clean(found.proposer, 80)),
                *_voters("voted for", found.ayes),
                *_voters("voted against", found.nays),
            ]
        )

    def _find(self, key: str) -> ProposalView | None:
        return next((each for each in self.model.proposals or () if str(each.index) == key), None)

    def _chosen(self) -> ProposalView | None:
        row = self.query_one(LiveTable).chosen
        found = None if row is None else self._find(row.key)
        if found is None:
            self.notify("No proposal is chosen.", severity="warning")
        return found

    def action_vote(self, approve: bool) -> None:
        found = self._chosen()
        if found is not None:
            self.node_app.vote(found, approve=approve)

    def action_close(self) -> None:
        found = self._chosen()
        if found is not None:
            self.node_app.close_proposal(found)


def _arguments(found: ProposalView) -> list[Content]:
    shown = list(found.arguments.items())[:_ARGUMENTS_SHOWN]
    return [field(cut(clean(name, 40), 18), say(clean(value, 200)), 19) for name, value in shown] or [
        say(("no arguments", "dim"))
    ]


def _voters(title: str, voters: Sequence[str]) -> list[Content]:
    if not voters:
        return []
    return [say((title, "dim")), *(say("  ", clean(each, 80)) for each in voters[:_VOTERS_SHOWN])]
