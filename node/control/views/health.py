"""Views of the node's health: what `neurond doctor` shows."""

from node.control.views.base import CheckState, View


class Check(View, frozen=True):
    """One thing looked at: "ok", "warn" (works, but look) or "bad" (does not work); `fix` says what to do then."""

    name: str
    state: CheckState
    found: str
    fix: str = ""


class Checkup(View, frozen=True):
    """Everything looked at; `healthy` is False when a check is bad. With the node stopped there are fewer checks."""

    healthy: bool
    checks: tuple[Check, ...]
