"""Slashing: evidence against an authority disables it and costs its bond.

The part that is lost is 5 % of the bond, or three times the part of the set's weight (or stake, whichever part is
larger) that was convicted within the age of evidence, up to all of it: a lone mistake in a large set is cheap, an
attack costs everything. Later convictions raise the earlier ones to the same part, so the order of reports changes
nothing. The reporter gets 5 % of what is taken; the rest leaves the issuance. Source: docs/protocol.md, "Slashing".
"""

from typing import Final

from node.ledger import errors
from node.ledger.calls import RemoveAuthority, ReportEvidence
from node.ledger.context import Context
from node.ledger.events import AuthorityConvicted, BondSlashed
from node.ledger.evidence import Offence, read_evidence
from node.ledger.pallets import accounts, authority, bonds, proposals, system
from node.ledger.phases import Members, authorities_of, stake_of
from node.ledger.state import IndexedList, Map, Overlay, StateView
from node.primitives.codec import Wire, encode
from node.primitives.types import AccountId, Height, Rao, SetId

SLASH_MIN_DIVISOR: Final = 20  # at least 5 % of the bond
REWARD_DIVISOR: Final = 20  # 5 % of what is taken
CORRELATION_FACTOR: Final = 3  # a third of the weight convicted costs whole bonds
WHOLE_SET: Final = 10**18  # parts of a set are counted in these, so that sets of both kinds add up
EVERYBODY: Final = ()
"""The one owner of the list of convictions."""


class Conviction(Wire, frozen=True):
    """The last conviction of an account; `base_rao` was its bond then, `part` its part of the set, in 10^-18."""

    set_id: SetId
    height: Height
    part: int
    base_rao: Rao
    slashed_rao: Rao


CONVICTION: Final[Map[AccountId, Conviction]] = Map(
    "slashing", "conviction", AccountId, Conviction, about="The last conviction of an account"
)
CONVICTED: Final[IndexedList[tuple[()], AccountId]] = IndexedList(
    "slashing", "convicted", tuple[()], AccountId, about="Accounts convicted within the age of evidence"
)


def report_evidence(context: Context, sender: AccountId, call: ReportEvidence) -> None:
    """Convict an authority, slash, and open the proposal to remove it."""
    overlay = context.state
    offence = read_evidence(call.evidence, system.GENESIS_HASH.get(overlay))
    held_to = authority.SETS.find(overlay, offence.set_id)
    members: Members = () if held_to is None else held_to.members
    if not any(member.account == offence.offender for member in members):
        raise errors.EvidenceInvalid("The accused was no authority of that set.")
    age_blocks = context.parameters.evidence_age_blocks
    if offence.height + age_blocks < context.height:
        raise errors.EvidenceTooOld(f"Evidence is at most {age_blocks} blocks old.")
    before = CONVICTION.find(overlay, offence.offender)
    if before is not None and before.set_id >= offence.set_id:
        raise errors.DuplicateEvidence
    offence.require_signed(context.verify)
    _convict(context, offence, part_of(members, offence.offender))
    context.emit(AuthorityConvicted(offence.offender, offence.identity, sender))
    _slash_all(context, sender)
    authority.disable(overlay, offence.offender)
    _propose_removal(context, sender, offence.offender)


def part_of(members: Members, account: AccountId) -> int:
    """The part of a set that one member is, of its weight or of its stake, whichever is more; rounded up."""
    kinds = (authorities_of(members), stake_of(members))
    return max(-(-kind.get(account, 0) * WHOLE_SET // sum(kind.values())) for kind in kinds if kind)


def is_convicted(view: StateView, account: AccountId, since: int) -> bool:
    """Whether evidence against an account was accepted at the block `since` or later."""
    conviction = CONVICTION.find(view, account)
    return conviction is not None and conviction.height >= since


def _convict(context: Context, offence: Offence, part: int) -> None:
    overlay, account = context.state, offence.offender
    base_rao = Rao(bonds.BOND.get(overlay, account).total_rao)
    CONVICTION.put(overlay, account, Conviction(offence.set_id, context.height, part, base_rao, Rao(0)))
    CONVICTED.add(overlay, EVERYBODY, account)


def _slash_all(context: Context, reporter: AccountId) -> None:
    """Raise every conviction of the window to the part that all of them together make due."""
    overlay = context.state
    convicted = _in_window(overlay, context.height - context.parameters.evidence_age_blocks)
    part = CORRELATION_FACTOR * sum(CONVICTION.get(overlay, account).part for account in convicted)
    for account in convicted:
        _slash(context, account, min(part, WHOLE_SET), reporter)


def _slash(context: Context, account: AccountId, part: int, reporter: AccountId) -> None:
    """Take this part of the bond (in 10^-18), 5 % at least, less what was taken before; rounded down."""
    overlay = context.state
    conviction = CONVICTION.get(overlay, account)
    due_rao = max(conviction.base_rao * part // WHOLE_SET, conviction.base_rao // SLASH_MIN_DIVISOR)
    taken_rao = bonds.take(overlay, account, max(0, due_rao - conviction.slashed_rao))
    if taken_rao == 0:
        return
    reward_rao = Rao(taken_rao // REWARD_DIVISOR)
    accounts.credit(overlay, reporter, reward_rao)
    accounts.recycle(overlay, taken_rao - reward_rao)
    CONVICTION.put(
        overlay,
        account,
        Conviction(
            conviction.set_id, conviction.height, conviction.part, conviction.base_rao,
            Rao(conviction.slashed_rao + taken_rao),
        ),
    )  # fmt: skip
    context.emit(BondSlashed(account, taken_rao, reward_rao))


def _in_window(overlay: Overlay, oldest: int) -> list[AccountId]:
    """The accounts convicted since a block; older ones leave the list. As many as were authorities in that time."""
    listed = list(CONVICTED.members(overlay, EVERYBODY))
    for account in listed:
        if CONVICTION.get(overlay, account).height < oldest:
            CONVICTED.remove(overlay, EVERYBODY, account)
    return sorted(CONVICTED.members(overlay, EVERYBODY))


def _propose_removal(context: Context, reporter: AccountId, account: AccountId) -> None:
    """Put the removal of an authority before the Senate, if it can be carried out and there is room for it."""
    weights = authorities_of(authority.CURRENT.get(context.state).members)
    encoded = encode(RemoveAuthority(account))
    if account in weights and proposals.can_open(context.state, encoded):
        proposals.open_proposal(context, reporter, encoded, context.parameters.proposal_duration_blocks)
