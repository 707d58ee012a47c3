"""Payment channels: what is locked, who may move it and when, and that a voucher means one channel of one network."""

import pytest

from node.ledger import errors, queries
from node.ledger import network_queries as network
from node.ledger.calls import Call, CloseChannel, OpenChannel, RedeemVoucher, TopUpChannel
from node.ledger.context import Context
from node.ledger.events import ChannelClosed, ChannelClosing, ChannelOpened, ChannelToppedUp, VoucherRedeemed
from node.ledger.pallets import channels
from node.ledger.vouchers import Voucher, channel_id, sign_voucher
from node.primitives.limits import CHANNEL_EXPIRY_BLOCKS_MAX, CHANNELS_PER_PAYER_MAX
from node.primitives.types import ZERO_HASH, Hash, Height, Rao
from tests.unit.ledger.council import PARAMETERS, council_genesis
from tests.unit.ledger.root import Scratch
from tests.unit.ledger.world import TAO, World, key, who

DEPOSIT = Rao(100 * TAO)
LIFETIME = 20


def _open(world: World, *, payer: str = "alice", payee: str = "bob", amount: int = DEPOSIT) -> Hash:
    """Open a channel; its id."""
    identity = network.next_channel(world.state.view, who(payer), who(payee))
    assert world.do(payer, OpenChannel(who(payee), Rao(amount), LIFETIME)) == ""
    return identity


def _redeem(
    world: World, channel: Hash, cumulative: int, *, by: str = "alice", sequence: int = 1, genesis: Hash | None = None
) -> RedeemVoucher:
    voucher = Voucher(channel, sequence, Rao(cumulative), ZERO_HASH)
    signature = sign_voucher(key(by), genesis or world.genesis_hash, voucher)
    return RedeemVoucher(channel, sequence, Rao(cumulative), ZERO_HASH, signature)


def _free(world: World, name: str) -> int:
    return queries.balance(world.state.view, who(name))


def test_a_channels_life_moves_every_rao_once() -> None:
    world = World(council_genesis())
    block = world.block(world.sign("alice", OpenChannel(who("bob"), DEPOSIT, LIFETIME)))
    channel = channel_id(who("alice"), who("bob"), 0)
    expires = Height(world.state.height + LIFETIME)
    assert ChannelOpened(channel, who("alice"), who("bob"), DEPOSIT, expires) in block.events
    assert _free(world, "alice") == 10_000 * TAO - DEPOSIT - block.receipts[0].fee_rao
    block = world.block(world.sign("alice", TopUpChannel(channel, Rao(5 * TAO))))
    assert ChannelToppedUp(channel, Rao(5 * TAO)) in block.events
    block = world.block(world.sign("mallory", _redeem(world, channel, 30 * TAO)))
    assert VoucherRedeemed(channel, Rao(30 * TAO), Rao(30 * TAO)) in block.events
    assert _free(world, "bob") == 10_030 * TAO, "the payee gets it, whoever brings the voucher"
    block = world.block(world.sign("mallory", _redeem(world, channel, 80 * TAO, sequence=9)))
    assert VoucherRedeemed(channel, Rao(50 * TAO), Rao(80 * TAO)) in block.events
    [shown] = network.channels_of_payer(world.state.view, who("alice"))
    assert (shown.deposit_rao, shown.redeemed_rao, shown.expires, shown.closes) == (105 * TAO, 80 * TAO, expires, None)
    assert network.channels_of_payee(world.state.view, who("bob")) == (shown,)
    before_rao = _free(world, "alice")
    block = world.block(world.sign("bob", CloseChannel(channel)))
    assert ChannelClosed(channel, Rao(25 * TAO)) in block.events
    assert _free(world, "alice") == before_rao + 25 * TAO, "the payee closes at once"
    assert network.channel(world.state.view, channel) is None
    assert network.channels_of_payer(world.state.view, who("alice")) == ()


def test_each_channel_of_a_pair_has_its_own_id() -> None:
    world = World(council_genesis())
    first = _open(world)
    assert world.do("bob", CloseChannel(first)) == ""
    second = _open(world)
    assert second != first
    assert world.do("bob", _redeem(world, first, TAO)) == "ChannelNotExists"
    replay = _redeem(world, first, TAO)
    moved = RedeemVoucher(second, replay.sequence, replay.cumulative_rao, replay.receipt_digest, replay.signature)
    assert world.do("bob", moved) == "InvalidVoucherSignature"


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (OpenChannel(who("alice"), Rao(0), 0), "ChannelToSelf"),
        (OpenChannel(who("bob"), Rao(0), 0), "AmountIsZero"),
        (OpenChannel(who("bob"), Rao(499), 0), "ExistentialDeposit"),
        (OpenChannel(who("bob"), Rao(500), 5), "ChannelExpiryOutOfBounds"),
        (OpenChannel(who("bob"), Rao(500), 6), ""),
        (OpenChannel(who("bob"), Rao(500), CHANNEL_EXPIRY_BLOCKS_MAX), ""),
        (OpenChannel(who("bob"), Rao(500), CHANNEL_EXPIRY_BLOCKS_MAX + 1), "ChannelExpiryOutOfBounds"),
        (OpenChannel(who("bob"), Rao(10_001 * TAO), 6), "InsufficientBalance"),
    ],
)
def test_opening_fails_by_its_first_reason(call: Call, code: str) -> None:
    assert World(council_genesis()).do("alice", call) == code


def test_a_payer_has_so_many_channels_and_no_more() -> None:
    world = World(council_genesis())
    overlay = world.overlay()
    context = Context(overlay, Height(1), who("authority0"), PARAMETERS)
    for _ in range(CHANNELS_PER_PAYER_MAX):
        channels.open_channel(context, who("alice"), OpenChannel(who("bob"), Rao(500), LIFETIME))
    with pytest.raises(errors.TooManyChannels):
        channels.open_channel(context, who("alice"), OpenChannel(who("bob"), Rao(500), LIFETIME))


@pytest.mark.parametrize(
    ("by", "amount", "code"),
    [("bob", 0, "NotChannelParty"), ("alice", 0, "AmountIsZero"), ("alice", 10_000 * TAO, "InsufficientBalance")],
)
def test_topping_up_fails_by_its_first_reason(by: str, amount: int, code: str) -> None:
    world = World(council_genesis())
    assert world.do(by, TopUpChannel(ZERO_HASH, Rao(amount))) == "ChannelNotExists"
    channel = _open(world)
    assert world.do(by, TopUpChannel(channel, Rao(amount))) == code


def test_a_voucher_pays_only_what_is_new_there_and_signed() -> None:
    world = World(council_genesis())
    channel = _open(world)
    assert world.do("bob", _redeem(world, channel, 0)) == "VoucherNotNew"
    assert world.do("bob", _redeem(world, channel, DEPOSIT + 1)) == "VoucherExceedsDeposit"
    assert world.do("bob", _redeem(world, channel, TAO, by="bob")) == "InvalidVoucherSignature"
    foreign = World(council_genesis(authorities=3)).genesis_hash
    assert world.do("bob", _redeem(world, channel, TAO, genesis=foreign)) == "InvalidVoucherSignature"
    good = _redeem(world, channel, TAO)
    raised = RedeemVoucher(channel, 1, Rao(2 * TAO), ZERO_HASH, good.signature)
    renumbered = RedeemVoucher(channel, 2, Rao(TAO), ZERO_HASH, good.signature)
    other_receipt = RedeemVoucher(channel, 1, Rao(TAO), Hash(b"\1" * 32), good.signature)
    for call in (raised, renumbered, other_receipt):
        assert world.do("bob", call) == "InvalidVoucherSignature"
    assert world.do("bob", good) == ""
    assert world.do("bob", good) == "VoucherNotNew"
    assert world.do("bob", _redeem(world, channel, DEPOSIT)) == "", "to the last rao"
    assert network.channel(world.state.view, channel) is not None


def test_a_new_account_needs_the_existential_deposit_from_a_voucher_too() -> None:
    world = World(council_genesis())
    channel = _open(world, payee="stranger")
    assert world.do("bob", _redeem(world, channel, 499)) == "ExistentialDeposit"
    assert world.do("bob", _redeem(world, channel, 500)) == ""
    assert world.do("bob", _redeem(world, channel, 501)) == ""
    assert _free(world, "stranger") == 501


# --- closing ---------------------------------------------------------------------------------------------------------


def test_a_payer_waits_for_the_dispute_window_and_the_payee_may_redeem_in_it() -> None:
    world = World(council_genesis())
    channel = _open(world)
    assert world.do("mallory", CloseChannel(channel)) == "NotChannelParty"
    block = world.block(world.sign("alice", CloseChannel(channel)))
    due = Height(world.state.height + 6)
    assert ChannelClosing(channel, due) in block.events
    assert world.do("alice", TopUpChannel(channel, Rao(TAO))) == "ChannelIsClosing"
    assert world.do("bob", _redeem(world, channel, 40 * TAO)) == ""
    world.run_to(due - 2)
    assert world.do("alice", CloseChannel(channel)) == "ChannelInDispute", "one block too early"
    block = world.block(world.sign("alice", CloseChannel(channel)))
    assert ChannelClosed(channel, Rao(60 * TAO)) in block.events
    assert world.do("bob", _redeem(world, channel, 50 * TAO)) == "ChannelNotExists"


def test_from_its_expiry_on_a_payer_closes_at_once() -> None:
    world = World(council_genesis())
    channel = _open(world)
    expires = world.state.height + LIFETIME
    early = Scratch(world, height=expires - 1)
    assert early.do("alice", CloseChannel(channel)) == ""
    assert ChannelClosing(channel, Height(expires)) in early.events, "never later than the expiry"
    late = Scratch(world, height=expires)
    assert late.do("alice", CloseChannel(channel)) == ""
    assert ChannelClosed(channel, DEPOSIT) in late.events
    redeemed = Scratch(world, height=expires + 5)
    assert redeemed.do("bob", _redeem(world, channel, TAO)) == "", "a channel that nobody closed still pays"


def test_the_payee_may_close_while_the_payer_waits() -> None:
    world = World(council_genesis())
    channel = _open(world)
    assert world.do("alice", CloseChannel(channel)) == ""
    assert world.do("bob", CloseChannel(channel)) == ""
    assert world.do("alice", CloseChannel(channel)) == "ChannelNotExists"
