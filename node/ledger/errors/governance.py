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
    remedy = "Wait for the block that the message names."


class NotMember(CallError):
    sentence = "The account is no member of the Triumvirate."
    remedy = "Use an account that is a member."


class AlreadyMember(CallError):
    sentence = "The account is a member of the Triumvirate already."
    remedy = "Name another account."


class TooManyMembers(CallError):
    sentence = "The Triumvirate is complete."
    remedy = "Remove a member first, or swap one."


class LastMember(CallError):
    sentence = "Without a member of the Triumvirate nobody could ever propose again."
    remedy = "Swap the member for another one."


class DurationLowerThanConfiguredMotionDuration(CallError):
    sentence = "The Senate needs more time to vote."
    remedy = "Choose a longer duration."


class ProposalMalformed(CallError):
    sentence = "The proposed bytes are no call."
    remedy = "Encode the proposed call again as this chain encodes calls."


class DuplicateProposal(CallError):
    sentence = "The same call is before the Senate already."
    remedy = "Have the Senate vote on the open one, or wait until it is closed."


class TooManyActiveProposals(CallError):
    sentence = "As many proposals are open as may be."
    remedy = "Close those whose time is over."


class ProposalNotExists(CallError):
    sentence = "There is no such open proposal."
    remedy = "Check the hash; a closed proposal can be made again."


class IndexMismatchProposalHash(CallError):
    sentence = "The open proposal with that hash has another index."
    remedy = "Use the index that the message names."


class NotSenateMember(CallError):
    sentence = "The hotkey has no seat in the Senate."
    remedy = "Take a seat on root with root_register, then one in the Senate with adjust_senate."


class DuplicateVote(CallError):
    sentence = "The hotkey has voted like that already."
    remedy = "Nothing is left to do; vote the other way to change it."


class TooEarlyToCloseProposal(CallError):
    sentence = "The outcome is open, and the time to vote is not over."
    remedy = "Wait for more votes, or for the block that the message names."
