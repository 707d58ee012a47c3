"""A role switch in words: what it needs, costs, stops and starts."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.content import Content

from node.control.schema import Requirement, Role, RolePlan
from tui.text import clean, duration, tau
from tui.widgets.draw import say

if TYPE_CHECKING:
    from node.control.role_actions import RoleDraft


def role_words(role: Role) -> str:
    """Return what a role does, in a few words."""
    match role:
        case "staker":
            return "holds and stakes"
        case "miner":
            return "answers, for pay"
        case "validator":
            return "asks and judges"


def plan_lines(plan: RolePlan, draft: "RoleDraft | None") -> list[Content]:
    """Return the plan; transactions as this program decoded them, when it could."""
    return [
        say((f"{plan.current} → {plan.target}", "strong")),
        say(""),
        say(("Needs", "accent")),
        *_requirements(plan.requirements),
        say(""),
        say(("Signs", "accent")),
        *_transactions(plan, draft),
        say(""),
        say(("Services", "accent")),
        *(say(("  − ", "warn"), clean(name, 60)) for name in plan.stop),
        *(say(("  + ", "good"), clean(name, 60)) for name in plan.start),
        *([] if plan.stop or plan.start else [say(("  none change", "dim"))]),
        say(("  running tasks get ", "dim"), duration(plan.drain_s), (" to finish", "dim"))
        if plan.drain_s > 0
        else say(("  nothing has to finish first", "dim")),
    ]


def _requirements(requirements: Iterable[Requirement]) -> list[Content]:
    lines = []
    for each in requirements:
        sign = ("  ✓ ", "good") if each.met else ("  ✖ ", "bad")
        have = f": {clean(each.have, 60)}" if each.have else ""
        need = f" of {clean(each.need, 60)}" if each.need and not each.met else ""
        lines.append(say(sign, clean(each.name, 60), (have + need, "dim")))  # type: ignore[arg-type]
        if not each.met and each.remedy:
            lines.append(say(("      → ", "warn"), clean(each.remedy, 200)))
    return lines or [say(("  nothing", "dim"))]


def _transactions(plan: RolePlan, draft: "RoleDraft | None") -> list[Content]:
    if draft is not None:
        lines = [
            say("  ", clean(each.title, 80), (f"  costs {tau(each.pays_rao)}, fee {tau(each.fee_rao)}", "dim"))
            for each in draft.drafts
        ]
        if draft.drafts:
            lines.append(say(("  balance afterwards ", "dim"), tau(draft.drafts[-1].balance_after_rao)))
    else:
        lines = [
            say("  ", clean(each.label, 80), (f"  costs {tau(each.cost_rao)}, fee {tau(each.fee_rao)}", "dim"))
            for each in plan.transactions
        ]
    return lines or [say(("  no transaction, no fee", "dim"))]
