"""Coldkey swaps: announced, waited for, carried out, disputed, cleared; what moves and what the account may do."""

from typing import Final

import pytest
from msgspec.structs import replace

from node.ledger import errors, events, queries
from node.ledger import network_queries as network
from node.ledger.calls import (
    AddProxy,
    AddStake,
    AnnounceColdkeySwap,
    BurnedRegister,
    Call,
    ClearColdkeySwapAnnouncement,
    CloseChannel,
    DisputeColdkeySwap,
    OpenChannel,
    Proxy,
    ProxyKind,
    RedeemVoucher,
    ResetColdkeySwap,
    SetColdkeyAutoStakeHotkey,
    SetIdentity,
    SetWeights,
    SwapColdkey,
    SwapColdkeyAnnounced,
    SwapHotkey,
    Transfer,
    TransferStake,
    TryAssociateHotkey,
)
from node.ledger.context import Context
from node.ledger.dispatch import dispatch
from node.ledger.origin import Origin
from node.ledger.pallets import coldkey_swaps, destinations, hotkey_swaps, identities, proxies, staking
from node.ledger.transition import build_block, check_transaction, preview_call
from node.ledger.vouchers import Voucher, sign_voucher
from node.primitives.crypto import verify
from node.primitives.limits import CHANNEL_EXPIRY_BLOCKS_MAX
from node.primitives.types import ZERO_HASH, AccountId, Alpha, Hash, Height, Rao, Slot, Uid
from tests.unit.ledger.refusals import failed, listed
from tests.unit.ledger.world import ROOT, SUBNET, TAO, TEST_PARAMETERS, World, key, small_genesis, who

DELAY: Final = 5
SECOND_THOUGHTS: Final = 4
PARAMETERS: Final = replace(
    TEST_PARAMETERS, coldkey_swap_delay_blocks=DELAY, coldkey_swap_second_thoughts_blocks=SECOND_THOUGHTS
)
NEW: Final = who("val2")
ANNOUNCE: Final = AnnounceColdkeySwap(coldkey_swaps.coldkey_hash(NEW))
SWAP: Final = SwapColdkeyAnnounced(NEW)
CLEAR: Final = ClearColdkeySwapAnnouncement()


def _world(**changes: int) -> World:
    return World(small_genesis(parameters=replace(PARAMETERS, **changes), root_rao=50 * TAO))


def _announced(by: str = "val") -> World:
    world = _world()
    assert world.do(by, ANNOUNCE) == ""
    return world


def _frozen(world: World, by: str, call: Call) -> str:
    """The error code inside the refusal of a call of an announced coldkey; the next block goes without it."""
    assert _skipped(world, world.sign(by, call, nonce=queries.nonce(world.state.view, who(by)))) == "ColdkeyIsFrozen"
    with pytest.raises(errors.CallError) as caught:
        preview_call(world.state, who(by), call)
    code = caught.value.code
    assert code in listed(call) | {"ColdkeySwapAnnounced", "ColdkeySwapDisputed"}
    world.block()
    return code


def _skipped(world: World, raw: bytes) -> str:
    """Why no block takes a transaction."""
    slot = Slot(world.state.slot + 1)
    draft = build_block(world.state, slot, who("mallory"), [raw], world.genesis_hash, verify=verify, enact=True)
    assert draft.transactions == ()
    return draft.skipped[0].error_code


def _kept_out(world: World, raw: bytes) -> str:
    """What the pool says when it does not take a transaction, and no block takes it either."""
    assert _skipped(world, raw) == "ColdkeyIsFrozen"
    with pytest.raises(errors.ColdkeyIsFrozen) as caught:
        check_transaction(world.state, raw, world.genesis_hash, verify=verify)
    return caught.value.message.split(":")[0]


def _as_root(world: World, call: Call) -> Context:
    """What an approved proposal's call does to the head, on scratch."""
    context = Context(world.overlay(), world.state.height, who("authority0"), PARAMETERS, Origin.ROOT)
    dispatch(context, AccountId(ZERO_HASH), call)
    return context


def _locked(world: World, payer: str, payee: str) -> Hash:
    """A channel of 5 τ; its id."""
    identity = network.next_channel(world.state.view, who(payer), who(payee))
    assert world.do(payer, OpenChannel(who(payee), Rao(5 * TAO), CHANNEL_EXPIRY_BLOCKS_MAX)) == ""
    return identity


def test_what_channels_pay_and_give_back_goes_to_the_coldkey_that_took_the_old_ones_place() -> None:
    world = _world()
    own, paid = _locked(world, "val", "alice"), _locked(world, "bob", "val")
    assert world.do("val", ANNOUNCE) == ""
    world.run_to(world.state.height + DELAY)
    assert world.do("val", SWAP) == ""
    before_rao = queries.balance(world.state.view, NEW)
    assert world.do("alice", CloseChannel(own)) == ""
    assert queries.balance(world.state.view, NEW) == before_rao + 5 * TAO
    voucher = Voucher(paid, 1, Rao(2 * TAO), ZERO_HASH)
    signature = sign_voucher(key("bob"), world.genesis_hash, voucher)
    assert world.do("alice", RedeemVoucher(paid, 1, Rao(2 * TAO), ZERO_HASH, signature)) == ""
    assert queries.balance(world.state.view, NEW) == before_rao + 7 * TAO
    assert queries.balance(world.state.view, who("val")) == 0
    assert world.do("val2", CloseChannel(paid)) == "", "it closes what the old one could"


def test_everything_of_a_coldkey_moves_after_the_delay() -> None:
    world = _world()
    world.block(
        world.sign("owner", AddStake(who("va"), ROOT, Rao(3 * TAO))),
        world.sign("owner", AddStake(who("vb"), SUBNET, Rao(4 * TAO))),
        world.sign("owner", TryAssociateHotkey(who("oh2"))),
        world.sign("owner", SetIdentity("Owner", "", "", "", "", "", "")),
        world.sign("owner", SetColdkeyAutoStakeHotkey(SUBNET, who("va"))),
        world.sign("owner", AddProxy(who("mallory"), ProxyKind.ANY, 0)),
        world.sign("owner", SwapHotkey(who("oh2"), who("oh3"), keep_stake=False)),
    )
    positions = {(each.hotkey, each.netuid): each.alpha for each in queries.stakes_of(world.state.view, who("owner"))}
    free_rao = queries.balance(world.state.view, who("owner"))
    executed = world.block(world.sign("owner", ANNOUNCE))
    due = Height(world.state.height + DELAY)
    announced = events.ColdkeySwapAnnounced(who("owner"), ANNOUNCE.new_coldkey_hash, due)
    assert announced in executed.events
    cost_rao = PARAMETERS.coldkey_swap_rao + executed.receipts[0].fee_rao
    assert queries.balance(world.state.view, who("owner")) == free_rao - cost_rao
    world.run_to(due - 2)
    assert _frozen(world, "owner", SWAP) == "ColdkeySwapTooEarly"
    executed = world.block(world.sign("owner", SWAP))
    assert world.state.height == due
    assert events.ColdkeySwapped(who("owner"), NEW) in executed.events
    view = world.state.view
    assert {(each.hotkey, each.netuid): each.alpha for each in queries.stakes_of(view, NEW)}.keys() == positions.keys()
    assert queries.stakes_of(view, who("owner")) == ()
    assert queries.balance(view, who("owner")) == 0
    assert queries.balance(view, NEW) > 9_900 * TAO
    assert queries.subnet(view, SUBNET).owner_coldkey == NEW
    assert staking.HOTKEY.get(view, who("owner-hot")).owner == NEW
    assert set(staking.OWNED.members(view, NEW)) == {who("owner-hot"), who("oh3")}
    assert identities.IDENTITY.get(view, NEW).name == "Owner"
    assert identities.IDENTITY.find(view, who("owner")) is None
    assert destinations.destination_of(view, NEW, SUBNET, who("z")) == who("va")
    assert hotkey_swaps.SWAPS.get(view, NEW).everywhere == 1
    assert proxies.PROXIES.get(view, NEW) == proxies.PROXIES.get(view, who("owner")) == (), "rights do not move"
    assert coldkey_swaps.ANNOUNCED.find(view, who("owner")) is None
    assert world.do("val2", Transfer(who("owner"), Rao(TAO))) == ""
    assert world.do("owner", Transfer(who("alice"), Rao(TAO // 2))) == "", "the old account is free again, and empty"


def test_an_announced_coldkey_can_do_nothing_else() -> None:
    world = _announced()
    for call in (
        Transfer(who("alice"), Rao(TAO)),
        AddStake(who("va"), SUBNET, Rao(TAO)),
        BurnedRegister(SUBNET, who("m")),
        AddProxy(who("mallory"), ProxyKind.ANY, 0),
        Proxy(who("alice"), Transfer(who("val"), Rao(1))),
    ):
        assert _frozen(world, "val", call) == "ColdkeySwapAnnounced"
    assert world.do("va", SetWeights(SUBNET, (Uid(0),), (1,), 0)) == "", "its hotkeys go on working"
    assert world.do("alice", Transfer(who("val"), Rao(TAO))) == ""


@pytest.mark.parametrize("disputed", [False, True])
def test_an_announced_coldkey_loses_nothing_to_fees_and_tips(disputed: bool) -> None:
    """Who has stolen the key and produces a block could else take all free τ as the tip of a call that is refused."""
    world = _announced()
    if disputed:
        assert world.do("val", DisputeColdkeySwap()) == ""
    free_rao, nonce = queries.balance(world.state.view, who("val")), queries.nonce(world.state.view, who("val"))
    for call in (Transfer(who("mallory"), Rao(TAO)), ANNOUNCE, SWAP, CLEAR, DisputeColdkeySwap()):
        assert _kept_out(world, world.sign("val", call, nonce=nonce, tip_rao=9_000 * TAO)) == "It gives no tip."
        if disputed or not isinstance(call, DisputeColdkeySwap):
            assert _skipped(world, world.sign("val", call, nonce=nonce)) == "ColdkeyIsFrozen"
    plain = world.sign("val", Transfer(who("mallory"), Rao(TAO)), nonce=nonce)
    assert _kept_out(world, plain) == ("ColdkeySwapDisputed" if disputed else "ColdkeySwapAnnounced")
    assert queries.balance(world.state.view, who("val")) == free_rao


def test_a_proxy_can_do_nothing_for_an_announced_coldkey_either() -> None:
    world = _world()
    world.do("val", AddProxy(who("mallory"), ProxyKind.ANY, 0))
    world.do("val", ANNOUNCE)
    assert world.do("mallory", Proxy(who("val"), Transfer(who("mallory"), Rao(1)))) == "ColdkeySwapAnnounced"
    assert world.do("mallory", Proxy(who("val"), DisputeColdkeySwap())) == ""
    assert world.do("mallory", Proxy(who("val"), SWAP)) == "ColdkeySwapDisputed"


def test_a_disputed_account_is_frozen_until_the_network_thaws_it() -> None:
    world = _announced()
    executed = world.block(world.sign("val", DisputeColdkeySwap()))
    assert events.ColdkeySwapDisputed(who("val")) in executed.events
    world.run_to(world.state.height + DELAY + SECOND_THOUGHTS)
    for call in (SWAP, ANNOUNCE, CLEAR, Transfer(who("alice"), Rao(1))):
        assert _frozen(world, "val", call) == "ColdkeySwapDisputed"
    assert _frozen(world, "val", DisputeColdkeySwap()) == "ColdkeySwapAlreadyDisputed"
    assert failed(world, "alice", ResetColdkeySwap(who("val"))) == "BadOrigin"
    context = _as_root(world, ResetColdkeySwap(who("val")))
    assert context.events == [events.ColdkeySwapReset(who("val"))]
    assert coldkey_swaps.ANNOUNCED.find(context.state, who("val")) is None
    with pytest.raises(errors.ColdkeySwapAnnouncementNotFound):
        _as_root(world, ResetColdkeySwap(who("alice")))


def test_an_announcement_can_be_replaced_or_cleared_only_some_time_after_it_was_due() -> None:
    for call, early in ((ANNOUNCE, "ColdkeySwapReannouncedTooEarly"), (CLEAR, "ColdkeySwapClearTooEarly")):
        world = _announced()
        free_from = world.state.height + DELAY + SECOND_THOUGHTS
        world.run_to(free_from - 2)
        assert _frozen(world, "val", call) == early
        free_rao = queries.balance(world.state.view, who("val"))
        executed = world.block(world.sign("val", call))
        assert executed.receipts[0].ok
        fee_rao = executed.receipts[0].fee_rao
        assert free_rao - queries.balance(world.state.view, who("val")) == fee_rao, "only the first one costs"
    assert coldkey_swaps.ANNOUNCED.find(world.state.view, who("val")) is None
    assert world.do("val", Transfer(who("alice"), Rao(TAO))) == ""


def test_what_was_not_announced_cannot_be_done() -> None:
    world = _world()
    assert failed(world, "val", SWAP) == "ColdkeySwapAnnouncementNotFound"
    assert failed(world, "val", CLEAR) == "ColdkeySwapAnnouncementNotFound"
    assert failed(world, "val", DisputeColdkeySwap()) == "ColdkeySwapAnnouncementNotFound"
    world = _announced()
    world.run_to(world.state.height + DELAY)
    assert _frozen(world, "val", SwapColdkeyAnnounced(who("mallory"))) == "AnnouncedColdkeyHashDoesNotMatch"


def test_an_announcement_must_be_paid() -> None:
    assert failed(_world(coldkey_swap_rao=20_000 * TAO), "val", ANNOUNCE) == "NotEnoughBalanceToPaySwapColdKey"


@pytest.mark.parametrize(
    ("taken", "code"),
    [
        (AddStake(who("va"), SUBNET, Rao(TAO)), "ColdKeyAlreadyAssociated"),
        (TryAssociateHotkey(who("h")), "ColdKeyAlreadyAssociated"),
    ],
)
def test_the_new_coldkey_must_be_fresh(taken: Call, code: str) -> None:
    world = _announced()
    world.do("alice", Transfer(NEW, Rao(10 * TAO)))
    assert world.do("val2", taken) == ""
    world.run_to(world.state.height + DELAY)
    assert _frozen(world, "val", SWAP) == code


def test_the_new_coldkey_must_be_no_hotkey() -> None:
    world = _world()
    world.block(
        world.sign("val", AnnounceColdkeySwap(coldkey_swaps.coldkey_hash(who("h")))),
        world.sign("alice", TryAssociateHotkey(who("h"))),
    )
    world.run_to(world.state.height + DELAY)
    assert _frozen(world, "val", SwapColdkeyAnnounced(who("h"))) == "NewColdKeyIsHotkey"


def test_a_large_swap_moves_in_several_calls_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coldkey_swaps, "SWAP_MOVES_MAX", 2)
    world = _world()
    world.block(
        world.sign("val", AddStake(who("va"), ROOT, Rao(3 * TAO))),
        world.sign("val", AddStake(who("owner-hot"), SUBNET, Rao(5 * TAO))),
    )
    assert len(queries.stakes_of(world.state.view, who("val"))) == 4
    world.do("val", ANNOUNCE)
    world.run_to(world.state.height + DELAY)
    executed = world.block(world.sign("val", SWAP))
    assert events.ColdkeySwapContinues(who("val"), NEW) in executed.events
    assert len(queries.stakes_of(world.state.view, NEW)) == 2
    for call in (ANNOUNCE, CLEAR):
        world.run_to(world.state.height + DELAY + SECOND_THOUGHTS)
        assert _frozen(world, "val", call) in ("ColdkeySwapReannouncedTooEarly", "ColdkeySwapClearTooEarly")
    world.do("alice", Transfer(NEW, Rao(20 * TAO)))
    for hotkey in ("va", "vb", "owner-hot"):
        assert world.do("val2", AddStake(who(hotkey), SUBNET, Rao(TAO))) == "", "the new account may act already"
    held = _held(world)
    assert world.do("val", SWAP) == ""
    executed = world.block(world.sign("val", SWAP))
    assert events.ColdkeySwapped(who("val"), NEW) in executed.events
    assert queries.stakes_of(world.state.view, who("val")) == ()
    assert staking.OWNED.count(world.state.view, who("val")) == 0
    assert abs(_held(world) - held) < TAO, "but for dividends and fees"


def _held(world: World) -> int:
    """All stake of the old and the new coldkey."""
    accounts = (who("val"), NEW)
    return sum(each.alpha for account in accounts for each in queries.stakes_of(world.state.view, account))


def test_the_network_can_swap_a_coldkey_at_once() -> None:
    world = _world()
    assert failed(world, "alice", SwapColdkey(who("val"), NEW)) == "BadOrigin"
    context = _as_root(world, SwapColdkey(who("val"), NEW))
    assert context.events == [events.ColdkeySwapped(who("val"), NEW)]
    assert staking.HOTKEY.get(context.state, who("va")).owner == NEW
    with pytest.raises(errors.ColdKeyAlreadyAssociated):
        _as_root(world, SwapColdkey(who("val"), who("bob")))


def test_a_preview_says_that_an_account_is_announced() -> None:
    world = _announced()
    with pytest.raises(errors.ColdkeySwapAnnounced):
        preview_call(world.state, who("val"), Transfer(who("alice"), Rao(1)))


def test_stake_sent_to_an_announced_coldkey_moves_too() -> None:
    world = _announced()
    gift = TransferStake(who("val"), who("va"), ROOT, ROOT, Alpha(TAO))
    assert world.do("bob", gift) == ""
    world.run_to(world.state.height + DELAY)
    assert world.do("val", SWAP) == ""
    assert (who("va"), ROOT) in {(each.hotkey, each.netuid) for each in queries.stakes_of(world.state.view, NEW)}
