"""Events of decisions: seats, proposals, votes and the Triumvirate. See `node.ledger.events`."""

from node.primitives.codec import Wire
from node.primitives.types import AccountId, Hash, Height


class SenateAdjusted(Wire, frozen=True, tag=70):
    """A hotkey took a seat in the Senate; `old_member` holds whom it replaced, if anybody."""

    old_member: tuple[AccountId, ...]
    new_member: AccountId


class RootSeatLost(Wire, frozen=True, tag=71):
    """A hotkey with more root stake took the seat on root."""

    hotkey: AccountId


class Proposed(Wire, frozen=True, tag=72):
    """A call is before the Senate; `threshold` ayes approve it."""

    account: AccountId
    proposal_index: int
    proposal_hash: Hash
    threshold: int
    end: Height


class Voted(Wire, frozen=True, tag=73):
    """A senator voted; the counts are those after it."""

    account: AccountId
    proposal_hash: Hash
    voted: bool
    yes: int
    no: int


class Closed(Wire, frozen=True, tag=74):
    """A proposal was counted."""

    proposal_hash: Hash
    yes: int
    no: int


class Approved(Wire, frozen=True, tag=75):
    """A proposal was approved."""

    proposal_hash: Hash


class Disapproved(Wire, frozen=True, tag=76):
    """A proposal was rejected or dropped."""

    proposal_hash: Hash


class Executed(Wire, frozen=True, tag=77):
    """An approved call ran; `error_code` is ASCII, empty when it succeeded."""

    proposal_hash: Hash
    error_code: bytes


class MemberAdded(Wire, frozen=True, tag=78):
    """The Triumvirate has a new member."""

    member: AccountId


class MemberRemoved(Wire, frozen=True, tag=79):
    """A member left the Triumvirate."""

    member: AccountId


class MembersSwapped(Wire, frozen=True, tag=80):
    """A member of the Triumvirate was replaced."""

    member: AccountId
    new_member: AccountId


class MembersReset(Wire, frozen=True, tag=81):
    """The Triumvirate was named anew."""

    members: tuple[AccountId, ...]


GovernanceEvent = (
    SenateAdjusted
    | RootSeatLost
    | Proposed
    | Voted
    | Closed
    | Approved
    | Disapproved
    | Executed
    | MemberAdded
    | MemberRemoved
    | MembersSwapped
    | MembersReset
)
