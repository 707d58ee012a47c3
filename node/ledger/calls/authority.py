"""Who produces and finalises blocks: sets, the way to proof of stake, bonds and evidence. See `node.ledger.calls`."""

from typing import Annotated, Final

import msgspec

from node.ledger import errors as e
from node.ledger.calls.base import (
    BY_SIZE,
    COLD,
    FREE,
    HOT,
    HOTKEY,
    RAO,
    ROOT,
    U63,
    Account,
    CallSpec,
    HashField,
    RaoAmount,
)
from node.primitives.codec import Wire
from node.primitives.limits import AUTHORITIES_MAX, AUTHORITIES_PER_CALL_MAX, EVIDENCE_CALL_BYTES_MAX
from node.primitives.types import MAX_SUPPLY_RAO

WeightField = Annotated[int, msgspec.Meta(ge=1, le=MAX_SUPPLY_RAO)]
Ppm = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class SetAuthorities(Wire, frozen=True, tag=80):
    """Name the next authority set; it is announced with the next authority epoch and enacted with the one after."""

    members: Annotated[
        tuple[tuple[Account, WeightField], ...], msgspec.Meta(min_length=1, max_length=AUTHORITIES_PER_CALL_MAX)
    ]


class RemoveAuthority(Wire, frozen=True, tag=81):
    """Name the present set without one member as the next authority set."""

    authority: Account


class SchedulePos(Wire, frozen=True, tag=82):
    """Fix when the network moves to proof of stake, and what must hold by then."""

    activation_epoch: U63
    joint_epochs: U63
    validators_min: Annotated[int, msgspec.Meta(ge=1, le=AUTHORITIES_MAX)]
    bonded_min_ppm: Ppm
    weight_max_ppm: Ppm
    participation_min_ppm: Ppm


class AbortPos(Wire, frozen=True, tag=83):
    """Take the move to proof of stake back, while authorities still decide alone or jointly."""


class BondAuthority(Wire, frozen=True, tag=84):
    """Lock τ as the bond of an own hotkey; misbehaviour of that authority costs it."""

    hotkey: Account
    amount_rao: RaoAmount


class UnbondAuthority(Wire, frozen=True, tag=85):
    """Ask for a part of a bond back; it stays liable during the unbonding time."""

    hotkey: Account
    amount_rao: RaoAmount


class WithdrawUnbonded(Wire, frozen=True, tag=86):
    """Take the parts of a bond whose unbonding time is over."""

    hotkey: Account


class ReportEvidence(Wire, frozen=True, tag=87):
    """Prove that an authority signed two things where honest ones sign one; the reporter gets a part of the slash."""

    evidence: Annotated[bytes, msgspec.Meta(min_length=1, max_length=EVIDENCE_CALL_BYTES_MAX)]


class ShadowVote(Wire, frozen=True, tag=88):
    """A validator's vote before votes of stake count: it names a recent block, once an authority epoch."""

    height: U63
    block_hash: HashField


class VoteAbortPos(Wire, frozen=True, tag=89):
    """An authority's voice for taking the move to proof of stake back; two thirds of their weight decide it."""


AuthoritySetCall = SetAuthorities | RemoveAuthority
PosCall = SchedulePos | AbortPos | ShadowVote | VoteAbortPos
BondCall = BondAuthority | UnbondAuthority | WithdrawUnbonded
AuthorityCall = AuthoritySetCall | PosCall | BondCall | ReportEvidence

_OWNED = (e.HotKeyAccountNotExists, e.NonAssociatedColdKey)
SPECS: Final[tuple[CallSpec, ...]] = (
    CallSpec(
        80,
        "set_authorities",
        SetAuthorities,
        ROOT,
        BY_SIZE,
        (("members", f"(account, weight in the quorum) 1 to {AUTHORITIES_PER_CALL_MAX}, by ascending account"),),
        (
            e.BadOrigin, e.AuthorityChangePending, e.StakeDecides, e.AuthoritiesNotSorted, e.TooFewAuthorities,
            e.AuthoritiesUnchanged, e.AuthorityChangeTooLarge,
        ),
    ),
    CallSpec(
        81,
        "remove_authority",
        RemoveAuthority,
        ROOT,
        BY_SIZE,
        (("authority", "account, 32 bytes"),),
        (
            e.BadOrigin, e.NotAuthority, e.AuthorityChangePending, e.StakeDecides, e.TooFewAuthorities,
            e.AuthorityChangeTooLarge,
        ),
    ),
    CallSpec(
        82,
        "schedule_pos",
        SchedulePos,
        ROOT,
        BY_SIZE,
        (
            ("activation_epoch", "authority epoch that begins the joint phase"),
            ("joint_epochs", "length of the joint phase, in authority epochs"),
            ("validators_min", "least number of bonded validators"),
            ("bonded_min_ppm", "least bonded part of the issuance, per million"),
            ("weight_max_ppm", "largest part of the bonded τ that one may hold, per million"),
            ("participation_min_ppm", "least part of the stake seen voting, per million"),
        ),
        (e.BadOrigin, e.PosAlreadyScheduled, e.PosScheduleTooEarly, e.PosJointPhaseTooShort),
    ),
    CallSpec(83, "abort_pos", AbortPos, ROOT, BY_SIZE, (), (e.BadOrigin, e.PosNotScheduled, e.PosAbortTooLate)),
    CallSpec(
        84,
        "bond_authority",
        BondAuthority,
        COLD,
        BY_SIZE,
        (HOTKEY, RAO),
        (*_OWNED, e.AmountIsZero, e.BondTooSmall, e.InsufficientBalance),
    ),
    CallSpec(
        85,
        "unbond_authority",
        UnbondAuthority,
        COLD,
        BY_SIZE,
        (HOTKEY, RAO),
        (*_OWNED, e.AmountIsZero, e.NotEnoughBond, e.TooManyUnbondings),
    ),
    CallSpec(
        86, "withdraw_unbonded", WithdrawUnbonded, COLD, BY_SIZE, (HOTKEY,), (*_OWNED, e.NothingUnbonded)
    ),
    CallSpec(
        87,
        "report_evidence",
        ReportEvidence,
        HOT,
        FREE,
        (("evidence", "canonical bytes of two signed headers, votes or proposals of one authority"),),
        (e.EvidenceMalformed, e.EvidenceInvalid, e.EvidenceTooOld, e.DuplicateEvidence),
    ),
    CallSpec(
        88,
        "shadow_vote",
        ShadowVote,
        HOT,
        FREE,
        (("height", "height of a recent block"), ("block_hash", "its hash, 32 bytes")),
        (e.PosNotScheduled, e.NotValidator, e.ShadowVoteElsewhere, e.DuplicateVote),
    ),
    CallSpec(
        89,
        "vote_abort_pos",
        VoteAbortPos,
        HOT,
        FREE,
        (),
        (e.PosAbortTooLate, e.PosNotScheduled, e.NotAuthority, e.DuplicateVote),
    ),
)  # fmt: skip
