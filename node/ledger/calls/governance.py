"""Decisions of the network: seats on root, the Senate, proposals and votes. See `node.ledger.calls`."""

from typing import Annotated, Final

import msgspec

from node.ledger import errors as e
from node.ledger.calls.base import (
    BY_SIZE,
    COLD,
    FIRST_FREE,
    HOTKEY,
    ROOT,
    U63,
    Account,
    CallSpec,
    HashField,
)
from node.primitives.codec import Wire
from node.primitives.limits import PROPOSAL_CALL_BYTES_MAX, TRIUMVIRATE_MAX


class RootRegister(Wire, frozen=True, tag=70):
    """Take a seat on root for a hotkey; a full root replaces its member with the least root stake."""

    hotkey: Account


class AdjustSenate(Wire, frozen=True, tag=71):
    """Take a seat in the Senate for a hotkey with a seat on root; a full Senate replaces its member with the least."""

    hotkey: Account


class Propose(Wire, frozen=True, tag=72):
    """Put a call before the Senate; once approved it is executed on nobody's but the network's authority."""

    call: Annotated[bytes, msgspec.Meta(min_length=1, max_length=PROPOSAL_CALL_BYTES_MAX)]
    duration_blocks: U63


class Vote(Wire, frozen=True, tag=73):
    """Vote on a proposal with a senator's hotkey, or change its vote."""

    hotkey: Account
    proposal: HashField
    index: U63
    approve: bool


class CloseProposal(Wire, frozen=True, tag=74):
    """Count a proposal whose outcome is certain or whose time is over, and execute it if it is approved."""

    proposal: HashField
    index: U63


class DisapproveProposal(Wire, frozen=True, tag=75):
    """Drop an open proposal without counting it."""

    proposal: HashField


class AddMember(Wire, frozen=True, tag=76):
    """Add a member to the Triumvirate."""

    member: Account


class RemoveMember(Wire, frozen=True, tag=77):
    """Remove a member from the Triumvirate; never the last one."""

    member: Account


class SwapMember(Wire, frozen=True, tag=78):
    """Put a new member of the Triumvirate in the place of another."""

    member: Account
    new_member: Account


class ResetMembers(Wire, frozen=True, tag=79):
    """Name the whole Triumvirate anew."""

    members: Annotated[tuple[Account, ...], msgspec.Meta(min_length=1, max_length=TRIUMVIRATE_MAX)]


SeatsCall = RootRegister | AdjustSenate
ProposalsCall = Propose | Vote | CloseProposal | DisapproveProposal
TriumvirateCall = AddMember | RemoveMember | SwapMember | ResetMembers
GovernanceCall = SeatsCall | ProposalsCall | TriumvirateCall

_PROPOSAL = ("proposal", "hash of the proposed call, 32 bytes")
_INDEX = ("index", "running number of the proposal")
_MEMBER = ("member", "account, 32 bytes")
SPECS: Final[tuple[CallSpec, ...]] = (
    CallSpec(
        70,
        "root_register",
        RootRegister,
        COLD,
        BY_SIZE,
        (HOTKEY,),
        (
            e.TooManyRegistrationsThisBlock, e.TooManyRegistrationsThisInterval, e.HotKeyAlreadyRegisteredInSubNet,
            e.NonAssociatedColdKey, e.StakeTooLowForRoot,
        ),
    ),
    CallSpec(
        71,
        "adjust_senate",
        AdjustSenate,
        COLD,
        BY_SIZE,
        (HOTKEY,),
        (e.HotKeyAccountNotExists, e.NonAssociatedColdKey, e.HotKeyNotRegisteredInSubNet, e.StakeTooLowForRoot),
    ),
    CallSpec(
        72,
        "propose",
        Propose,
        COLD,
        BY_SIZE,
        (
            ("call", "canonical bytes of a call that an approved proposal may make"),
            ("duration_blocks", "how long the Senate may vote, in blocks"),
        ),
        (
            e.NotMember, e.DurationLowerThanConfiguredMotionDuration, e.ProposalMalformed, e.BadOrigin,
            e.DuplicateProposal, e.TooManyActiveProposals,
        ),
    ),
    CallSpec(
        73,
        "vote",
        Vote,
        COLD,
        FIRST_FREE,
        (HOTKEY, _PROPOSAL, _INDEX, ("approve", "yes or no")),
        (
            e.HotKeyAccountNotExists, e.NonAssociatedColdKey, e.NotSenateMember, e.ProposalNotExists,
            e.IndexMismatchProposalHash, e.DuplicateVote,
        ),
    ),
    CallSpec(
        74,
        "close",
        CloseProposal,
        COLD,
        BY_SIZE,
        (_PROPOSAL, _INDEX),
        (e.ProposalNotExists, e.IndexMismatchProposalHash, e.TooEarlyToCloseProposal),
    ),
    CallSpec(
        75, "disapprove_proposal", DisapproveProposal, ROOT, BY_SIZE, (_PROPOSAL,), (e.BadOrigin, e.ProposalNotExists)
    ),
    CallSpec(
        76, "add_member", AddMember, ROOT, BY_SIZE, (_MEMBER,), (e.BadOrigin, e.AlreadyMember, e.TooManyMembers)
    ),
    CallSpec(
        77, "remove_member", RemoveMember, ROOT, BY_SIZE, (_MEMBER,), (e.BadOrigin, e.NotMember, e.LastMember)
    ),
    CallSpec(
        78,
        "swap_member",
        SwapMember,
        ROOT,
        BY_SIZE,
        (_MEMBER, ("new_member", "account, 32 bytes")),
        (e.BadOrigin, e.NotMember, e.AlreadyMember),
    ),
    CallSpec(
        79,
        "reset_members",
        ResetMembers,
        ROOT,
        BY_SIZE,
        (("members", f"accounts, 1 to {TRIUMVIRATE_MAX}"),),
        (e.BadOrigin, e.AlreadyMember),
    ),
)  # fmt: skip
