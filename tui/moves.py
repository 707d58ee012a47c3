"""Opening the dialogs that move money, vote and register. What signs is loaded only when one of them opens."""

from typing import TYPE_CHECKING

from textual.screen import Screen

from node.control.schema import ProposalView, Stake
from tui.keys import Keys
from tui.limits import FIELD_CHARS_MAX
from tui.text import clean
from tui.widgets.line_input import LineInput

if TYPE_CHECKING:
    from tui.money_form import Form


class Moves(Keys):
    """One method a move; every one ends in `move`."""

    def send(self, *, amount: str = "", to: str = "") -> None:
        """Open the dialog that sends τ."""
        from tui.money_form import SendForm

        self.move(SendForm(), amount=amount, to=to)

    def stake(self, netuid: int, hotkey: str = "", *, amount: str = "") -> None:
        """Open the dialog that stakes, by default with this node's own hotkey."""
        from tui.money_form import StakeForm

        self.move(StakeForm(netuid, clean(hotkey) or self.own_hotkey()), amount=amount)

    def unstake(self, stake: Stake, *, amount: str = "") -> None:
        """Open the dialog that takes back from one position."""
        from tui.money_form import UnstakeForm

        self.move(UnstakeForm(stake.netuid, stake.hotkey, stake.stake_alpha), amount=amount)

    def vote(self, proposal: ProposalView, *, approve: bool) -> None:
        """Open the dialog that votes, by default for this node's own hotkey."""
        from tui.money_form import VoteForm

        self.move(VoteForm(proposal.index, proposal.hash, self.own_hotkey(), approve))

    def close_proposal(self, proposal: ProposalView) -> None:
        """Open the dialog that counts a proposal."""
        from tui.money_form import CloseForm

        self.move(CloseForm(proposal.index, proposal.hash))

    def register(self, netuid: int) -> None:
        """Open the dialog that buys a seat, by default for this node's own hotkey."""
        from tui.money_form import RegisterForm

        self.move(RegisterForm(netuid, self.own_hotkey()))

    def own_hotkey(self) -> str:
        """This node's hotkey as it may be shown, empty when it has none."""
        status = self.model.status
        return clean((status.hotkey if status else "") or "")

    def move(self, form: "Form", **typed: str) -> None:
        """Open the dialog that carries out what a form asks for; `typed` are fields that are filled in already."""
        from tui.screens.money import MoneyScreen

        status = self.model.status
        if self.options.read_only:
            self.notify(self.read_only_words, title="Nothing was done", severity="warning")
        elif status is None or status.coldkey is None:
            self.notify("This node knows no coldkey. Make one: neurond wallet create", severity="warning")
        else:
            dialog = MoneyScreen(form, status.coldkey)
            self.push_screen(dialog)
            dialog.call_after_refresh(_fill, dialog, typed)


def _fill(screen: Screen[None], typed: dict[str, str]) -> None:
    """Put what was typed before into the lines of a dialog that has just opened."""
    for name, text in typed.items():
        for line in screen.query(f"#field-{name}").results(LineInput):
            if text:
                line.value = clean(text, FIELD_CHARS_MAX)
