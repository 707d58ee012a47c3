"""Why a decision of the network fails."""

from node.ledger.errors.base import CallError


class BadOrigin(CallError):
    sentence = "Only an approved proposal may do this."
    remedy = "Have a member of the Triumvirate propose it and the Senate vote."


class StakeTooLowForRoot(CallError):
    sentence = "Every seat is taken, and the hotkey's root stake is not above the least of them."
    remedy = "Stake more τ on root behind the hotkey."


class TooManyRegistrationsThisBlock(CallError):
    sentence = "Somebody else took a seat on root in this block."
    remedy = "Send it again."


class TooManyRegistrationsThisInterval(CallError):
    sentence = "As many seats on root were taken as one interval allows."


class NotMember(CallError):
    sentence = "The account is no member of the Triumvirate."


class AlreadyMember(CallError):
    sentence = "The account is a member of the Triumvirate already."


class TooManyMembers(CallError):
    sentence = "The Triumvirate is complete."


class LastMember(CallError):
    sentence = "Without a member of the Triumvirate nobody could ever propose again."
    remedy = "Swap the member for another one."


class DurationLowerThanConfiguredMotionDuration(CallError):
    sentence = "The Senate needs more time to vote."


class ProposalMalformed(CallError):
    sentence = "The proposed bytes are no call."


class DuplicateProposal(CallError):
    sentence = "The same call is before the Senate already."


class TooManyActiveProposals(CallError):
    sentence = "As many proposals are open as may be."
    remedy = "Close those whose time is over."


class ProposalNotExists(CallError):
    sentence = "There is no such open proposal."


class IndexMismatchProposalHash(CallError):
    sentence = "The open proposal with that hash has another index."


class NotSenateMember(CallError):
    sentence = "The hotkey has no seat in the Senate."


class DuplicateVote(CallError):
    sentence = "The hotkey has voted like that already."


class TooEarlyToCloseProposal(CallError):
    sentence = "The outcome is open, and the time to vote is not over."
