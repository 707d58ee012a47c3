"""The invariants of decisions, authorities, bonds, channels and roots notice what they are there for."""

from collections.abc import Callable

import pytest

from node.ledger import invariants
from node.ledger.calls import BondAuthority, OpenChannel, Propose, SetParameter
from node.ledger.context import Context
from node.ledger.header import Authority
from node.ledger.network_invariants import check_network, locked_rao
from node.ledger.pallets import (
    authority,
    bonds,
    channels,
    council,
    neurons,
    proposals,
    root,
    roots,
    slashing,
)
from node.ledger.state import Overlay
from node.ledger.vouchers import channel_id
from node.primitives.codec import encode
from node.primitives.errors import InvariantBroken
from node.primitives.types import ZERO_HASH, Height, Rao, SetId
from tests.unit.ledger.council import DURATION, PARAMETERS, council_genesis, identity_of
from tests.unit.ledger.world import SUBNET, TAO, World, who

FEE = SetParameter(b"base_fee_rao", 7)
CHANNEL = channel_id(who("alice"), who("bob"), 0)


def _state() -> Overlay:
    """A state with a bond, a channel and an open proposal in it."""
    overlay = World(council_genesis()).overlay()
    context = Context(overlay, Height(1), who("authority0"), PARAMETERS)
    bonds.bond_authority(context, who("val"), BondAuthority(who("authority0"), Rao(5 * TAO)))
    channels.open_channel(context, who("alice"), OpenChannel(who("bob"), Rao(7 * TAO), 9))
    proposals.propose(context, who("alice"), Propose(encode(FEE), DURATION))
    return overlay


def _too_many_proposers(overlay: Overlay) -> None:
    council.TRIUMVIRATE.put(overlay, tuple(sorted(who(name) for name in ("a", "b", "c", "d"))))


def _unsorted_senate(overlay: Overlay) -> None:
    council.SENATE.put(overlay, council.SENATE.get(overlay)[::-1])


def _senator_without_a_hotkey(overlay: Overlay) -> None:
    council.SENATE.put(overlay, (who("nobody"),))


def _seat_twice(overlay: Overlay) -> None:
    root.append_seat(overlay, who("va"), Height(1))


def _proposal_without_a_row(overlay: Overlay) -> None:
    council.PROPOSAL.delete(overlay, identity_of(FEE))


def _vote_of_a_stranger(overlay: Overlay) -> None:
    council.VOTES.put(overlay, identity_of(FEE), council.Votes((who("authority0"),)))


def _vote_on_both_sides(overlay: Overlay) -> None:
    council.VOTES.put(overlay, identity_of(FEE), council.Votes((who("va"),), (who("va"),)))


def _unsorted_authorities(overlay: Overlay) -> None:
    members = authority.CURRENT.get(overlay).members[::-1]
    authority.SCHEDULED.put(overlay, authority.Scheduled(members))


def _weightless_authority(overlay: Overlay) -> None:
    authority.SCHEDULED.put(overlay, authority.Scheduled((Authority(who("a"), 0),)))


def _unrecorded_set(overlay: Overlay) -> None:
    authority.CURRENT.put(overlay, authority.AuthoritySet(SetId(1), authority.CURRENT.get(overlay).members))


def _disabled_stranger(overlay: Overlay) -> None:
    authority.DISABLED.put(overlay, (who("mallory"),))


def _empty_part_of_a_bond(overlay: Overlay) -> None:
    parts = (bonds.Unbonding(Rao(0), Height(9)),)
    bonds.BOND.put(overlay, who("authority0"), bonds.Bond(Rao(5 * TAO), parts))


def _slash_beyond_the_bond(overlay: Overlay) -> None:
    slashing.CONVICTED.add(overlay, slashing.EVERYBODY, who("authority0"))
    slashing.CONVICTION.put(overlay, who("authority0"), slashing.Conviction(SetId(0), Height(1), 1, Rao(1), Rao(2)))


def _payee_without_its_channel(overlay: Overlay) -> None:
    channels.BY_PAYEE.remove(overlay, who("bob"), CHANNEL)


def _overdrawn_channel(overlay: Overlay) -> None:
    held = channels.CHANNEL.get(overlay, CHANNEL)
    overdrawn = channels.Channel(held.payer, held.payee, Rao(1), Rao(2), held.expires)
    channels.CHANNEL.put(overlay, CHANNEL, overdrawn)


def _channel_that_closes_late(overlay: Overlay) -> None:
    held = channels.CHANNEL.get(overlay, CHANNEL)
    late = channels.Channel(
        held.payer, held.payee, held.deposit_rao, held.redeemed_rao, held.expires, Height(held.expires + 1)
    )
    channels.CHANNEL.put(overlay, CHANNEL, late)


def _receipts_twice(overlay: Overlay) -> None:
    row = roots.ReceiptRoot(1, ZERO_HASH, 0, Height(1))
    hotkey = neurons.all_of(overlay, SUBNET)[0].hotkey
    roots.RECEIPTS.put(overlay, (SUBNET, hotkey), (row, row))


@pytest.mark.parametrize(
    "damage",
    [
        _too_many_proposers, _unsorted_senate, _senator_without_a_hotkey, _seat_twice, _proposal_without_a_row,
        _vote_of_a_stranger, _vote_on_both_sides, _unsorted_authorities, _weightless_authority, _unrecorded_set,
        _disabled_stranger, _empty_part_of_a_bond, _slash_beyond_the_bond, _payee_without_its_channel,
        _overdrawn_channel, _channel_that_closes_late, _receipts_twice,
    ],
)  # fmt: skip
def test_a_damaged_state_is_noticed(damage: Callable[[Overlay], None]) -> None:
    overlay = _state()
    invariants.check(overlay)
    damage(overlay)
    with pytest.raises(InvariantBroken):
        check_network(overlay)


def test_locked_tau_belongs_to_the_issuance() -> None:
    overlay = _state()
    assert locked_rao(overlay) == 12 * TAO
    bonds.BOND.put(overlay, who("authority0"), bonds.Bond(Rao(5 * TAO - 1)))
    with pytest.raises(InvariantBroken):
        invariants.check_issuance(overlay)
