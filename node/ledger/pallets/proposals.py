"""Proposals: made by the Triumvirate, decided by the Senate, executed with the network's own authority.

The threshold is fixed when a proposal is made. It closes early once its outcome is certain; at its end, who has not
voted counts as a no. An approved call runs with `Origin.ROOT` only if more than half of the Senate of that moment said
yes. Source: docs/protocol.md, "Governance".
"""

from collections.abc import Callable
from typing import Final

from node.ledger import errors
from node.ledger.calls import Call, CloseProposal, DisapproveProposal, Propose, Vote, decode_call, may_be_proposed
from node.ledger.context import Context
from node.ledger.events import Approved, Closed, Disapproved, Executed, Proposed, Voted
from node.ledger.origin import Origin
from node.ledger.pallets import council, staking
from node.ledger.state import Overlay, StateView
from node.primitives.crypto import digest
from node.primitives.errors import DecodeError
from node.primitives.limits import PROPOSALS_MAX
from node.primitives.types import ZERO_HASH, AccountId, Hash, Height

NETWORK: Final = AccountId(ZERO_HASH)
"""Whom an approved call is sent by: nobody holds this key."""

Execute = Callable[[Context, AccountId, Call], None]


def proposal_hash(encoded_call: bytes) -> Hash:
    """The identity of a proposal: two of the same call cannot be open at once."""
    return digest("proposed-call", encoded_call)


def propose(context: Context, sender: AccountId, call: Propose) -> None:
    """Open a proposal for a call that only the network itself, or it beside a subnet's owner, may make."""
    if sender not in council.TRIUMVIRATE.get(context.state):
        raise errors.NotMember
    least_blocks = context.parameters.proposal_duration_blocks
    if call.duration_blocks < least_blocks:
        raise errors.DurationLowerThanConfiguredMotionDuration(f"The Senate has at least {least_blocks} blocks.")
    try:
        proposed = decode_call(call.call)
    except DecodeError as error:
        raise errors.ProposalMalformed(error.message) from error
    if not may_be_proposed(proposed):
        raise errors.BadOrigin("This call is for those who sign it, not for the network.")
    if proposal_hash(call.call) in council.OPEN.get(context.state):
        raise errors.DuplicateProposal
    if len(council.OPEN.get(context.state)) >= PROPOSALS_MAX:
        raise errors.TooManyActiveProposals
    open_proposal(context, sender, call.call, call.duration_blocks)


def can_open(view: StateView, encoded_call: bytes) -> bool:
    """Whether there is room for this proposal."""
    opened = council.OPEN.get(view)
    return len(opened) < PROPOSALS_MAX and proposal_hash(encoded_call) not in opened


def open_proposal(context: Context, proposer: AccountId, encoded_call: bytes, duration_blocks: int) -> None:
    """Put a call before the Senate; the caller has checked that it may be there."""
    overlay, identity = context.state, proposal_hash(encoded_call)
    index = council.COUNT.get(overlay)
    threshold = len(council.SENATE.get(overlay)) // 2 + 1
    end = Height(context.height + duration_blocks)
    council.COUNT.put(overlay, index + 1)
    council.OPEN.put(overlay, (*council.OPEN.get(overlay), identity))
    council.PROPOSAL.put(overlay, identity, council.Proposal(index, proposer, encoded_call, threshold, end))
    context.emit(Proposed(proposer, index, identity, threshold, end))


def vote(context: Context, sender: AccountId, call: Vote) -> None:
    """Cast or change one senator's vote; the first one on a proposal costs no fee."""
    overlay = context.state
    staking.require_owned(overlay, call.hotkey, sender)
    if not council.is_senator(overlay, call.hotkey):
        raise errors.NotSenateMember
    _require(overlay, call.proposal, call.index)
    votes = council.VOTES.get(overlay, call.proposal)
    if call.hotkey in (votes.ayes if call.approve else votes.nays):
        raise errors.DuplicateVote
    context.fee_waived = call.hotkey not in (*votes.ayes, *votes.nays)
    ayes, nays = council.without(votes.ayes, call.hotkey), council.without(votes.nays, call.hotkey)
    after = council.Votes((*ayes, call.hotkey), nays) if call.approve else council.Votes(ayes, (*nays, call.hotkey))
    council.VOTES.put(overlay, call.proposal, after)
    context.emit(Voted(call.hotkey, call.proposal, call.approve, len(after.ayes), len(after.nays)))


def close(context: Context, call: CloseProposal, execute: Execute) -> None:
    """Count a proposal and carry out its call if it is approved; a call that fails does not bring it back."""
    overlay = context.state
    proposal = _require(overlay, call.proposal, call.index)
    votes, seats = council.VOTES.get(overlay, call.proposal), len(council.SENATE.get(overlay))
    yes, no = len(votes.ayes), len(votes.nays)
    approved, rejected = yes >= proposal.threshold, seats - no < proposal.threshold
    if not approved and not rejected:
        if context.height < proposal.end:
            raise errors.TooEarlyToCloseProposal(f"The Senate may vote until block {proposal.end}.")
        no = seats - yes
    _remove(overlay, call.proposal)
    context.emit(Closed(call.proposal, yes, no))
    if not approved:
        context.emit(Disapproved(call.proposal))
        return
    context.emit(Approved(call.proposal))
    error_code = _execute(context, proposal.call, execute) if 2 * yes > seats else errors.BadOrigin.code
    context.emit(Executed(call.proposal, error_code.encode("ascii")))


def disapprove(context: Context, call: DisapproveProposal) -> None:
    """Drop an open proposal by the decision of another."""
    context.origin.require_root()
    if call.proposal not in council.OPEN.get(context.state):
        raise errors.ProposalNotExists
    _remove(context.state, call.proposal)
    context.emit(Disapproved(call.proposal))


def _require(view: StateView, identity: Hash, index: int) -> council.Proposal:
    proposal = council.PROPOSAL.find(view, identity)
    if proposal is None:
        raise errors.ProposalNotExists
    if proposal.index != index:
        raise errors.IndexMismatchProposalHash(f"The open proposal with that hash has the index {proposal.index}.")
    return proposal


def _remove(overlay: Overlay, identity: Hash) -> None:
    council.OPEN.put(overlay, tuple(each for each in council.OPEN.get(overlay) if each != identity))
    council.PROPOSAL.delete(overlay, identity)
    council.VOTES.delete(overlay, identity)


def _execute(context: Context, encoded_call: bytes, execute: Execute) -> str:
    """Run a call on the network's authority; the code of the error it ended with, "" for none."""
    mark, events, origin = context.state.savepoint(), len(context.events), context.origin
    context.origin = Origin.ROOT
    try:
        execute(context, NETWORK, decode_call(encoded_call))
    except errors.CallError as error:
        context.state.rollback(mark)
        del context.events[events:]
        return error.code
    finally:
        context.origin = origin
    return ""
