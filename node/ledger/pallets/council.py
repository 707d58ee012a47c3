"""Who decides and what lies before them: Triumvirate, Senate, and open proposals with their votes.

The Triumvirate (coldkeys) proposes, the Senate (hotkeys with a seat on root) votes. `root` fills the Senate,
`proposals` runs the votes, `triumvirate` changes who proposes. Source: docs/protocol.md, "Governance".
"""

from typing import Final

from node.ledger.state import Map, Overlay, StateView, Value
from node.primitives.codec import Wire
from node.primitives.types import AccountId, Hash, Height


class Proposal(Wire, frozen=True):
    """An open proposal; `threshold` was fixed when it was made."""

    index: int
    proposer: AccountId
    call: bytes
    threshold: int
    end: Height


class Votes(Wire, frozen=True):
    """Senators for and against, in the order of their votes; each is in one of them at most."""

    ayes: tuple[AccountId, ...] = ()
    nays: tuple[AccountId, ...] = ()


TRIUMVIRATE: Final[Value[tuple[AccountId, ...]]] = Value(
    "governance", "triumvirate", tuple[AccountId, ...], default=(), about="Who may propose, ascending"
)
SENATE: Final[Value[tuple[AccountId, ...]]] = Value(
    "governance", "senate", tuple[AccountId, ...], default=(), about="Hotkeys that vote, ascending"
)
COUNT: Final[Value[int]] = Value("governance", "count", int, default=0, about="Proposals ever made")
OPEN: Final[Value[tuple[Hash, ...]]] = Value(
    "governance", "open", tuple[Hash, ...], default=(), about="Open proposals, oldest first"
)
PROPOSAL: Final[Map[Hash, Proposal]] = Map("governance", "proposal", Hash, Proposal, about="An open proposal")
VOTES: Final[Map[Hash, Votes]] = Map("governance", "votes", Hash, Votes, default=Votes(), about="Votes on a proposal")


def is_senator(view: StateView, hotkey: AccountId) -> bool:
    """Whether a hotkey has a seat in the Senate."""
    return hotkey in SENATE.get(view)


def replace_senator(overlay: Overlay, old: AccountId | None, new: AccountId) -> None:
    """Give `new` the seat of `old`, or one more; the votes of `old` on open proposals are erased."""
    senate = set(SENATE.get(overlay))
    if old is not None:
        senate.discard(old)
        _erase_votes(overlay, old)
    SENATE.put(overlay, tuple(sorted(senate | {new})))


def _erase_votes(overlay: Overlay, hotkey: AccountId) -> None:
    for identity in OPEN.get(overlay):
        votes = VOTES.get(overlay, identity)
        if hotkey in votes.ayes or hotkey in votes.nays:
            VOTES.put(overlay, identity, Votes(without(votes.ayes, hotkey), without(votes.nays, hotkey)))


def without(accounts: tuple[AccountId, ...], account: AccountId) -> tuple[AccountId, ...]:
    """The accounts without one of them."""
    return tuple(each for each in accounts if each != account)
