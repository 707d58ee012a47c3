"""The authority set: who produces and finalises. Constant until a rule of the state changes it."""

from typing import Final

from node.ledger.header import Authority, set_hash
from node.ledger.state import StateView, Value
from node.primitives.codec import Wire
from node.primitives.types import Hash, SetId


class AuthoritySet(Wire, frozen=True):
    """A numbered set, members in ascending order of their keys."""

    set_id: SetId
    members: tuple[Authority, ...]


CURRENT: Final[Value[AuthoritySet]] = Value(
    "authority", "current", AuthoritySet, about="The authority set of the next block"
)


def announced(view: StateView) -> tuple[SetId, Hash, tuple[Authority, ...]]:
    """What the next header must say: set id, hash of the announced set, and the announced set itself (none yet)."""
    current = CURRENT.get(view)
    return current.set_id, set_hash(current.members), ()
