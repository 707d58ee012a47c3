"""What must hold of decisions, authorities, bonds, channels and committed roots; `node.ledger.invariants` runs it."""

from node.ledger.pallets import accounts, authority, bonds, channels, council, neurons, root, roots, slashing, staking
from node.ledger.pallets import subnets as pools
from node.ledger.state import StateView
from node.primitives.errors import invariant
from node.primitives.limits import PROPOSALS_MAX, RECEIPT_EPOCHS_KEPT, ROOT_SEATS_MAX, SENATE_MAX, TRIUMVIRATE_MAX
from node.primitives.types import AccountId, Hash


def check_network(view: StateView) -> None:
    """Raise InvariantBroken unless everything below holds."""
    _check_bodies(view)
    _check_proposals(view)
    _check_authorities(view)
    _check_bonds(view)
    _check_channels(view)
    _check_roots(view)


def locked_rao(view: StateView) -> int:
    """τ that is in the issuance and neither free nor in a pool: bonds and channels."""
    answering = sum(bonds.BOND.get(view, account).total_rao for account in bonds.BONDED.members(view, bonds.EVERYBODY))
    return answering + sum(channels.CHANNEL.get(view, identity).locked_rao for identity in _open_channels(view))


def _check_bodies(view: StateView) -> None:
    """Seats are distinct, sorted where they are kept so, and no more than there are."""
    triumvirate, senate = council.TRIUMVIRATE.get(view), council.SENATE.get(view)
    seated = [seat.hotkey for seat in root.SEATS.get(view)]
    invariant(len(triumvirate) <= TRIUMVIRATE_MAX and _ascends(triumvirate), "the Triumvirate has three seats")
    invariant(len(senate) <= SENATE_MAX and _ascends(senate), "the Senate has twelve seats")
    invariant(len(seated) <= ROOT_SEATS_MAX and len(set(seated)) == len(seated), "root has 64 seats, each hotkey one")
    known = all(staking.HOTKEY.find(view, hotkey) is not None for hotkey in (*seated, *senate))
    invariant(known, "seats are held by hotkeys")


def _check_proposals(view: StateView) -> None:
    """Every open proposal has its row; who voted is a senator, and voted once."""
    opened, senate = council.OPEN.get(view), set(council.SENATE.get(view))
    invariant(len(opened) <= PROPOSALS_MAX and len(set(opened)) == len(opened), "open proposals are few and distinct")
    for identity in opened:
        proposal, votes = council.PROPOSAL.find(view, identity), council.VOTES.get(view, identity)
        voters = (*votes.ayes, *votes.nays)
        invariant(proposal is not None, "an open proposal has a row")
        invariant(len(set(voters)) == len(voters) and senate.issuperset(voters), "only senators vote, each once")


def _check_authorities(view: StateView) -> None:
    """Sets are sorted with weights; the present one is recorded; who is disabled is in it."""
    current, scheduled = authority.CURRENT.get(view), authority.SCHEDULED.get(view)
    for members in (current.members, scheduled.members):
        invariant(_ascends(tuple(member.account for member in members)), "authorities are sorted by key, each once")
        weighed = all(min(member.weight, member.stake) >= 0 < member.weight + member.stake for member in members)
        invariant(weighed, "an authority has a weight")
    invariant(bool(current.members), "there is an authority")
    invariant(authority.SETS.find(view, current.set_id) == current, "the present authority set is on record")
    disabled = authority.DISABLED.get(view)
    members_of = {member.account for member in current.members}
    invariant(_ascends(disabled) and members_of.issuperset(disabled), "only authorities are disabled")


def _check_bonds(view: StateView) -> None:
    """A listed bond holds something, nothing of it is negative, and no conviction took more than there was."""
    for account in bonds.BONDED.members(view, bonds.EVERYBODY):
        bond = bonds.BOND.get(view, account)
        parts = [bond.active_rao, *(part.amount_rao for part in bond.unbonding)]
        invariant(min(parts) >= 0 and sum(parts) > 0, "a listed bond holds τ")
        invariant(all(part.amount_rao > 0 for part in bond.unbonding), "no empty part of a bond waits")
    for account in slashing.CONVICTED.members(view, slashing.EVERYBODY):
        conviction = slashing.CONVICTION.get(view, account)
        invariant(0 <= conviction.slashed_rao <= conviction.base_rao, "a slash takes no more than the bond")


def _check_channels(view: StateView) -> None:
    """Payer and payee list the same channels, and each holds what was put in less what was paid out."""
    opened = {identity: channels.CHANNEL.get(view, identity) for identity in _open_channels(view)}
    payees = {channel.payee for channel in opened.values()}
    listed = sorted(identity for payee in payees for identity in channels.BY_PAYEE.members(view, payee))
    invariant(listed == sorted(opened), "payees list the channels that payers list")
    for channel in opened.values():
        invariant(0 <= channel.redeemed_rao <= channel.deposit_rao, "a channel pays out no more than was put in")
        invariant(0 <= channel.closes <= channel.expires, "a channel closes by its expiry")


def _check_roots(view: StateView) -> None:
    """Committed roots belong to seats and are bounded."""
    for netuid in pools.NETUIDS.get(view):
        for seat in neurons.all_of(view, netuid):
            kept = roots.RECEIPTS.get(view, (netuid, seat.hotkey))
            epochs = [each.epoch for each in kept]
            invariant(len(kept) <= RECEIPT_EPOCHS_KEPT and len(set(epochs)) == len(epochs), "one receipt root an epoch")


def _open_channels(view: StateView) -> list[Hash]:
    payers = accounts.ACCOUNTS.members(view, accounts.EVERYBODY)
    return [identity for payer in payers for identity in channels.BY_PAYER.members(view, payer)]


def _ascends(keys: tuple[AccountId, ...]) -> bool:
    return list(keys) == sorted(set(keys))
