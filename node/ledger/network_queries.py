"""Read models of decisions, authorities, bonds, channels and committed roots. Read only; bounded by their lists.

Amounts are in rao, times are heights or authority epochs.
"""

from dataclasses import dataclass

from node.ledger.calls import Call, decode_call
from node.ledger.header import Authority
from node.ledger.pallets import authority, bonds, channels, council, pos, root, roots, slashing, staking, system
from node.ledger.phases import PosPhase, phase_of, stake_of
from node.ledger.state import StateView
from node.ledger.vouchers import channel_id
from node.primitives.limits import CHANNELS_PER_PAYER_MAX
from node.primitives.types import AccountId, Hash, Height, NetUid, Rao, SetId, Uid


@dataclass(frozen=True, slots=True)
class ProposalInfo:
    """An open proposal and its votes."""

    hash: Hash
    index: int
    proposer: AccountId
    call: Call
    threshold: int
    end: Height
    ayes: tuple[AccountId, ...]
    nays: tuple[AccountId, ...]
    closable: bool
    """Whether anybody can close it in the next block."""


@dataclass(frozen=True, slots=True)
class RootSeatInfo:
    """A seat on root."""

    uid: Uid
    hotkey: AccountId
    coldkey: AccountId
    root_stake_rao: Rao
    registered_at: Height
    senator: bool


@dataclass(frozen=True, slots=True)
class AuthoritySchedule:
    """The set that follows the present one; `announced_height` is None until a header has listed it."""

    set_id: SetId
    members: tuple[Authority, ...]
    decided_epoch: int
    announced_height: Height | None
    enacted_epoch: int
    """The authority epoch whose first block hands over at the earliest."""


@dataclass(frozen=True, slots=True)
class BondInfo:
    """What answers for an authority."""

    hotkey: AccountId
    active_rao: Rao
    unbonding: tuple[tuple[Rao, Height], ...]
    """(amount, first block of its withdrawal)."""
    disabled: bool


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """An open payment channel."""

    channel: Hash
    payer: AccountId
    payee: AccountId
    deposit_rao: Rao
    redeemed_rao: Rao
    expires: Height
    closes: Height | None
    """First block in which the payer can close it, once it has begun to."""


def triumvirate(view: StateView) -> tuple[AccountId, ...]:
    """Who may propose."""
    return council.TRIUMVIRATE.get(view)


def senate(view: StateView) -> tuple[AccountId, ...]:
    """The hotkeys that vote."""
    return council.SENATE.get(view)


def root_seats(view: StateView) -> tuple[RootSeatInfo, ...]:
    """Every seat on root, by uid; at most 64."""
    return tuple(
        RootSeatInfo(
            Uid(uid), seat.hotkey, staking.HOTKEY.get(view, seat.hotkey).owner, Rao(root.root_stake(view, seat.hotkey)),
            seat.registered_at, council.is_senator(view, seat.hotkey),
        )
        for uid, seat in enumerate(root.SEATS.get(view))
    )  # fmt: skip


def proposals(view: StateView) -> tuple[ProposalInfo, ...]:
    """Every open proposal, oldest first; at most 10."""
    return tuple(_proposal(view, identity) for identity in council.OPEN.get(view))


def disabled_authorities(view: StateView) -> tuple[AccountId, ...]:
    """Convicted members of the present set; they lead no slot."""
    return authority.DISABLED.get(view)


def authority_schedule(view: StateView) -> AuthoritySchedule | None:
    """The set that follows, or None while no change is under way."""
    scheduled = authority.SCHEDULED.get(view)
    if not scheduled.members:
        return None
    announced = scheduled.announced_height or None
    begins = scheduled.decided_epoch + 2 if announced is None else scheduled.announced_epoch + 1
    set_id = SetId(authority.CURRENT.get(view).set_id + 1)
    return AuthoritySchedule(set_id, scheduled.members, scheduled.decided_epoch, announced, begins)


def authority_set_of(view: StateView, set_id: SetId) -> tuple[Authority, ...]:
    """The members of any set there was; empty for one that never was."""
    held = authority.SETS.find(view, set_id)
    return () if held is None else held.members


def authority_epoch(view: StateView) -> int:
    """The authority epoch of the state's own block."""
    return authority.epoch_of(view, system.CLOCK.get(view).slot)


def pos_schedule(view: StateView) -> pos.PosSchedule | None:
    """The scheduled move to proof of stake, or None."""
    schedule = pos.SCHEDULE.get(view)
    return schedule if schedule.joint_epochs else None


def pos_phase(view: StateView) -> PosPhase:
    """Who decides on the next block: authorities, both, or stake."""
    return phase_of(authority.CURRENT.get(view).members)


def pos_guards(view: StateView) -> tuple[pos.Guard, ...]:
    """What must hold for the next step towards proof of stake, and what is; nothing when no step lies ahead."""
    phase = pos_phase(view)
    if not pos.SCHEDULE.get(view).joint_epochs or phase is PosPhase.STAKE:
        return ()
    stakes = pos.candidates(view)
    if phase is PosPhase.JOINT:
        stakes = stake_of(authority.CURRENT.get(view).members)
    return pos.guards(view, stakes, shadowed=phase is PosPhase.AUTHORITIES)


def owes_shadow_vote(view: StateView, hotkey: AccountId) -> bool:
    """Whether a validator has not shown in this authority epoch that it follows, while that is asked for."""
    scheduled = pos.SCHEDULE.get(view).joint_epochs and pos_phase(view) is PosPhase.AUTHORITIES
    least_rao = system.PARAMETERS.get(view).validator_bond_min_rao
    if not scheduled or bonds.BOND.get(view, hotkey).active_rao < least_rao:
        return False
    return pos.SHADOWS.get(view, hotkey) < authority_epoch(view)


def convicted_in(view: StateView, account: AccountId) -> SetId | None:
    """The authority set for which an account was convicted last; None if it never was."""
    conviction = slashing.CONVICTION.find(view, account)
    return None if conviction is None else conviction.set_id


def bond(view: StateView, hotkey: AccountId) -> BondInfo:
    """The bond of a hotkey; nothing in it if there is none."""
    held = bonds.BOND.get(view, hotkey)
    parts = tuple((part.amount_rao, part.due) for part in held.unbonding)
    return BondInfo(hotkey, held.active_rao, parts, hotkey in authority.DISABLED.get(view))


def next_channel(view: StateView, payer: AccountId, payee: AccountId) -> Hash:
    """The id that the payer's next channel will have if it pays `payee`."""
    return channel_id(payer, payee, channels.OPENED.get(view, payer))


def channel(view: StateView, identity: Hash) -> ChannelInfo | None:
    """An open channel, or None."""
    held = channels.CHANNEL.find(view, identity)
    if held is None:
        return None
    return ChannelInfo(
        identity, held.payer, held.payee, held.deposit_rao, held.redeemed_rao, held.expires, held.closes or None
    )


def channels_of_payer(view: StateView, payer: AccountId) -> tuple[ChannelInfo, ...]:
    """Every open channel of a payer; at most CHANNELS_PER_PAYER_MAX."""
    found = (channel(view, identity) for identity in channels.BY_PAYER.members(view, payer))
    return tuple(each for each in found if each is not None)


def channels_of_payee(view: StateView, payee: AccountId) -> tuple[ChannelInfo, ...]:
    """Open channels to a payee, at most CHANNELS_PER_PAYER_MAX of them."""
    listed = channels.BY_PAYEE.members(view, payee, limit=CHANNELS_PER_PAYER_MAX)
    return tuple(each for each in (channel(view, identity) for identity in listed) if each is not None)


def receipt_roots(view: StateView, netuid: NetUid, hotkey: AccountId) -> tuple[roots.ReceiptRoot, ...]:
    """The newest receipt roots of a neuron, oldest first."""
    return roots.RECEIPTS.get(view, (netuid, hotkey))


def index_root(view: StateView, netuid: NetUid, hotkey: AccountId) -> roots.IndexRoot | None:
    """The index a neuron has committed to, or None."""
    return roots.INDEX.find(view, (netuid, hotkey))


def _proposal(view: StateView, identity: Hash) -> ProposalInfo:
    held, votes = council.PROPOSAL.get(view, identity), council.VOTES.get(view, identity)
    certain = len(votes.ayes) >= held.threshold or len(council.SENATE.get(view)) - len(votes.nays) < held.threshold
    over = system.CLOCK.get(view).height + 1 >= held.end
    return ProposalInfo(
        identity, held.index, held.proposer, decode_call(held.call), held.threshold, held.end, votes.ayes, votes.nays,
        certain or over,
    )  # fmt: skip
