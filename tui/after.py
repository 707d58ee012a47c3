"""In words what a move of stake would make of the seats behind it. Pure: text from numbers."""

from textual.content import Content

from node.control.standing import Standing
from tui.text import alpha, count
from tui.widgets.draw import Part, say


def standing_words(found: Standing) -> Content:
    """Return one line: stake weight, rank by it, and how it stands to the least of a validator."""
    if found.uid is None:
        return say(
            (f"subnet {found.netuid}: ", "dim"), ("that hotkey has no seat there; its stake earns nothing", "warn")
        )
    rank = count(found.rank_after)
    if found.rank_after != found.rank_before:
        rank = f"{count(found.rank_before)}→{rank}"
    minimum: Part = ("✓ above", "good") if not found.missing_rao else (f"✗ {alpha(-found.missing_rao)}", "warn")
    parts: list[Part] = [
        (f"after · subnet {found.netuid}: ", "dim"),
        f"weight {alpha(found.weight_after_rao)}",
        (" · rank est. ", "dim"),
        f"{rank} of {count(found.seats)}",
        (" · validator minimum ", "dim"),
        minimum,
    ]
    if found.is_permitted is not None:
        permit: Part = ("✓ likely", "good") if found.is_permitted else ("✗ none", "warn")
        parts += [(" · permit ", "dim"), permit]
    return say(*parts)
