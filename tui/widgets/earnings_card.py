"""What this node has earned lately, or why it has earned nothing."""

from textual.content import Content

from tui.model import Model
from tui.text import alpha, spark, tau, u16
from tui.widgets.draw import clip, field, rows, say
from tui.widgets.panel import Panel

_LABEL_CELLS = 10


class EarningsCard(Panel):
    """α earned, its value, the rank and the latest epochs as bars."""

    PARTS = ("earnings", "status", "trouble")
    HEADING = "Earnings"

    def draw(self, model: Model) -> Content:
        lines = _lines(model, self.content_size.width)
        return rows(clip(line, self.content_size.width) for line in lines[: max(1, self.content_size.height)])


def _lines(model: Model, width: int) -> list[Content]:
    earnings, status = model.earnings, model.status
    if earnings is None:
        return [say((model.trouble.get("earnings", "waiting for the node"), "dim"))]
    balance = field("balance", say(tau(status.balance_rao) if status else "–"), _LABEL_CELLS)
    if earnings.hotkey is None:
        return [say(("no hotkey in this home", "dim")), say(("r takes a role", "dim")), balance]
    if not earnings.epochs:
        staker = status is not None and status.role == "staker"
        why = "stakers are paid in their stake" if staker else "paid when an epoch ends"
        return [say(("nothing yet", "dim")), say((why, "dim")), balance]
    values = [float(each.incentive_alpha + each.dividends_alpha) for each in earnings.epochs]
    rank = "–" if earnings.rank is None else f"{earnings.rank} of {earnings.neurons or '?'}"
    return [
        field("earned", say((alpha(earnings.total_alpha, sign=True), "good")), _LABEL_CELLS),
        field("worth", say(tau(earnings.total_value_rao)), _LABEL_CELLS),
        field("rank", say(rank, (f", share {u16(earnings.incentive_u16)}", "dim")), _LABEL_CELLS),
        field("epochs", say((spark(values, max(4, width - _LABEL_CELLS)), "accent")), _LABEL_CELLS),
        balance,
    ]
