"""What a new node has still to reach, in one line: connected, synced, funded, at work, the first reward.

It vanishes when all is reached, and after a day, when a person knows.
"""

from typing import Final

from textual.content import Content

from node.control.schema import NodeStatus
from tui.limits import CHECKLIST_FOR_S
from tui.model import Model
from tui.widgets.draw import clip, say
from tui.widgets.panel import Panel

_HINTS: Final = {
    "connected": "P adds a peer",
    "synced": "the chain is being fetched",
    "funded": "send τ to the coldkey: 7 shows its address",
    "registered": "r buys the seat, its price is shown first",
    "staked": "6 + stakes, or r takes a role that earns",
    "first reward": "paid when an epoch ends",
}


class Checklist(Panel):
    """One row; hidden when there is nothing left to say."""

    PARTS = ("status", "account", "earnings", "link")
    DEFAULT_CSS = """
    Checklist { display: none; border: none; height: 1; width: 100%; padding: 0 1; }
    Checklist.-shown { display: block; }
    """

    def paint(self, model: Model) -> None:
        steps = checklist(model)
        old = model.status is not None and model.status.uptime_s > CHECKLIST_FOR_S
        self.set_class(bool(steps) and not old and not all(done for _, done in steps), "-shown")
        super().paint(model)

    def draw(self, model: Model) -> Content:
        steps = checklist(model)
        parts = [say(("✓ ", "good"), (name, "dim")) if done else say(("○ ", "warn"), name) for name, done in steps]
        missing = next((name for name, done in steps if not done), "")
        line = Content("  ").join(parts)
        if missing:
            line = say(line, (f"   {_HINTS[missing]}", "dim"))
        return clip(line, self.content_size.width)


def checklist(model: Model) -> tuple[tuple[str, bool], ...]:
    """Return what there is to reach, in its order, and what of it is; empty before the node has told its status."""
    status = model.status
    if status is None:
        return ()
    found = [("connected", status.peers > 0), ("synced", not status.sync.syncing)]
    if status.coldkey is None:
        return tuple(found)  # a node without keys has nothing more to reach
    staked = _staked(model, status)
    found.append(("funded", status.balance_rao > 0 or staked))
    if status.role == "staker":
        return (*found, ("staked", staked))
    earnings = model.earnings
    paid = earnings is not None and any(each.incentive_alpha + each.dividends_alpha > 0 for each in earnings.epochs)
    return (*found, ("registered", status.uid is not None), ("first reward", paid))


def _staked(model: Model, status: NodeStatus) -> bool:
    return status.stake_rao > 0 or (model.account is not None and model.account.stakes_value_rao > 0)
