"""The part of an audit that is about seats: who held them, and the stakes and permits of that time. Pure."""

from collections.abc import Callable, Iterator
from typing import Final

from node.market.audit_facts import ChainFacts
from node.market.record_lines import Seated

SEEN: Final = "seats"  # rows of which the auditor saw stake and permit itself
UNSEEN: Final = "seats not followed"


def seat_findings(line: Seated, facts: ChainFacts, count: Callable[[str], None]) -> Iterator[tuple[str, bool]]:
    """What disagrees in the seats that a record tells, and (True) what could not be checked; counts rows by kind."""
    for row in line.changed:
        seen = facts.seen(row.uid, line.height)
        count(UNSEEN if seen is None else SEEN)
        if seen is not None:
            if not any(hotkey == row.hotkey for hotkey, _, _ in seen):
                yield f"Seat {row.uid} was held by another hotkey than the record says.", False
            elif (row.hotkey, row.stake_rao, row.validator_permit) not in seen:
                yield f"Seat {row.uid} had another stake, or another permit, than the record says.", False
            continue
        now = facts.seats.get(row.uid)
        if now is None or now[1] > line.height:
            yield f"Seat {row.uid} has changed hands since; who held it is not checked.", True
        elif now[0] != row.hotkey:
            yield f"Seat {row.uid} was held by another hotkey than the record says.", False
