"""Proxies: who may do what for whom, after which delay; and that rights never grow on the way."""

from typing import Final, get_args

import pytest

from node.ledger import queries
from node.ledger.calls import (
    CALLS,
    AddProxy,
    AddStake,
    AnnounceProxy,
    BurnedRegister,
    Call,
    PlainCall,
    ProxiesCall,
    Proxy,
    ProxyKind,
    RejectProxyAnnouncement,
    RemoveProxies,
    RemoveProxy,
    RemoveProxyAnnouncement,
    SetChildren,
    SignerKind,
    SwapHotkey,
    Transfer,
    spec_of,
)
from node.ledger.errors import TransactionMalformed
from node.ledger.events import ProxyAdded, ProxyAnnounced, ProxyExecuted, ProxyRemoved, Transferred
from node.ledger.pallets import proxies
from node.ledger.proxy_rights import SMALL_TRANSFER_RAO, SUBJECTS, Subject, allows, call_hash
from node.ledger.transaction import decode_transaction
from node.primitives.limits import PROXIES_MAX, PROXY_ANNOUNCEMENTS_MAX
from node.primitives.types import ZERO_HASH, Rao
from tests.unit.ledger.refusals import failed
from tests.unit.ledger.world import SUBNET, TAO, World, who

GIFT: Final = Transfer(who("bob"), Rao(TAO))
FOR_ALICE: Final = Proxy(who("alice"), GIFT)
HASH: Final = call_hash(GIFT)


def _with_proxy(kind: ProxyKind = ProxyKind.ANY, delay_blocks: int = 0) -> World:
    world = World()
    executed = world.block(world.sign("alice", AddProxy(who("mallory"), kind, delay_blocks)))
    assert ProxyAdded(who("alice"), who("mallory"), kind, delay_blocks) in executed.events
    return world


def test_a_proxy_acts_for_the_account_and_pays_the_fee() -> None:
    world = _with_proxy()
    before = {name: queries.balance(world.state.view, who(name)) for name in ("alice", "mallory", "bob")}
    executed = world.block(world.sign("mallory", FOR_ALICE))
    assert executed.events[-2:] == (
        Transferred(who("alice"), who("bob"), Rao(TAO)), ProxyExecuted(who("alice"), who("mallory"))
    )  # fmt: skip
    after = {name: queries.balance(world.state.view, who(name)) for name in before}
    assert before["alice"] - after["alice"] == after["bob"] - before["bob"] == TAO
    assert before["mallory"] - after["mallory"] == executed.receipts[0].fee_rao


def test_a_call_that_fails_inside_fails_outside_and_changes_nothing() -> None:
    world = _with_proxy()
    everything = Proxy(who("alice"), Transfer(who("bob"), Rao(20_000 * TAO)))
    assert world.do("mallory", everything) == "InsufficientBalance"
    assert queries.nonce(world.state.view, who("alice")) == 1, "only the call that named the proxy"


def test_nobody_else_acts_for_the_account() -> None:
    world = _with_proxy()
    assert failed(world, "bob", FOR_ALICE) == "NotProxy"
    assert failed(world, "alice", Proxy(who("mallory"), GIFT)) == "NotProxy", "rights go one way"


def test_rights_end_when_they_are_taken_away() -> None:
    world = _with_proxy()
    executed = world.block(world.sign("alice", RemoveProxy(who("mallory"), ProxyKind.ANY, 0)))
    assert ProxyRemoved(who("alice"), who("mallory"), ProxyKind.ANY, 0) in executed.events
    assert failed(world, "mallory", FOR_ALICE) == "NotProxy"
    world.block(
        world.sign("alice", AddProxy(who("mallory"), ProxyKind.ANY, 0)),
        world.sign("alice", AddProxy(who("bob"), ProxyKind.STAKING, 3)),
    )
    executed = world.block(world.sign("alice", RemoveProxies()))
    assert sum(isinstance(event, ProxyRemoved) for event in executed.events) == 2
    assert failed(world, "mallory", FOR_ALICE) == "NotProxy"


def test_every_refusal_of_proxies() -> None:
    world = _with_proxy()
    assert failed(world, "alice", AddProxy(who("alice"), ProxyKind.ANY, 0)) == "NoSelfProxy"
    assert failed(world, "alice", AddProxy(who("mallory"), ProxyKind.ANY, 0)) == "DuplicateProxy"
    assert failed(world, "alice", RemoveProxy(who("mallory"), ProxyKind.ANY, 1)) == "ProxyNotFound"
    world.block(*(world.sign("alice", AddProxy(who(f"p{n}"), ProxyKind.ANY, 0)) for n in range(PROXIES_MAX - 1)))
    assert len(proxies.PROXIES.get(world.state.view, who("alice"))) == PROXIES_MAX
    assert failed(world, "alice", AddProxy(who("late"), ProxyKind.ANY, 0)) == "TooManyProxies"
    assert failed(world, "bob", AnnounceProxy(who("alice"), HASH)) == "NotProxy"
    assert failed(world, "mallory", RemoveProxyAnnouncement(who("alice"), HASH)) == "AnnouncementNotFound"
    assert failed(world, "alice", RejectProxyAnnouncement(who("mallory"), HASH)) == "AnnouncementNotFound"


# --- rights -----------------------------------------------------------------------------------------------------------

_SAMPLES: Final[dict[Subject, PlainCall]] = {
    Subject.TRANSFER: GIFT,
    Subject.STAKE: AddStake(who("va"), SUBNET, Rao(TAO)),
    Subject.SEAT: BurnedRegister(SUBNET, who("m")),
    Subject.CHILDREN: SetChildren(who("va"), SUBNET, ()),
    Subject.SWAP_HOTKEY: SwapHotkey(who("va"), who("vc"), keep_stake=False),
}


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        (ProxyKind.ANY, set(_SAMPLES)),
        (ProxyKind.OWNER, set()),
        (ProxyKind.NON_CRITICAL, set(_SAMPLES) - {Subject.SEAT}),
        (ProxyKind.NON_TRANSFER, set(_SAMPLES) - {Subject.TRANSFER}),
        (ProxyKind.NON_FUNGIBLE, {Subject.CHILDREN}),
        (ProxyKind.GOVERNANCE, set()),
        (ProxyKind.STAKING, {Subject.STAKE}),
        (ProxyKind.REGISTRATION, {Subject.SEAT}),
        (ProxyKind.TRANSFER, {Subject.TRANSFER}),
        (ProxyKind.SMALL_TRANSFER, set()),
        (ProxyKind.CHILD_KEYS, {Subject.CHILDREN}),
        (ProxyKind.SWAP_HOTKEY, {Subject.SWAP_HOTKEY}),
    ],
)
def test_each_kind_covers_its_subjects_and_no_others(kind: ProxyKind, allowed: set[Subject]) -> None:
    assert {subject for subject, call in _SAMPLES.items() if allows(kind, call)} == allowed
    world = _with_proxy(kind)
    for subject, call in _SAMPLES.items():
        code = world.do("mallory", Proxy(who("alice"), call))
        assert (code == "NoPermission") is (subject not in allowed), subject


def test_a_small_transfer_is_less_than_half_a_tao() -> None:
    world = _with_proxy(ProxyKind.SMALL_TRANSFER)
    small = Proxy(who("alice"), Transfer(who("bob"), Rao(SMALL_TRANSFER_RAO - 1)))
    assert world.do("mallory", small) == ""
    large = Proxy(who("alice"), Transfer(who("bob"), Rao(SMALL_TRANSFER_RAO)))
    assert failed(world, "mallory", large) == "NoPermission"


def test_every_call_a_key_can_sign_belongs_to_one_subject() -> None:
    plain = {spec.name for spec in CALLS if spec.kind in get_args(PlainCall) and spec.signer is not SignerKind.ROOT}
    assert plain == set(SUBJECTS), "a new call has a subject, and no subject names a call that is gone"


def test_no_proxied_call_carries_another_one_or_manages_proxies() -> None:
    assert set(get_args(Call)) == set(get_args(PlainCall)) | set(get_args(ProxiesCall))
    world = _with_proxy()
    for inner in (FOR_ALICE, AddProxy(who("bob"), ProxyKind.ANY, 0), RemoveProxies()):
        nested = Proxy(who("alice"), inner)  # type: ignore[arg-type]
        with pytest.raises(TransactionMalformed):
            decode_transaction(world.sign("mallory", nested, nonce=0))


def test_a_proxy_has_no_more_than_a_signers_authority() -> None:
    world = _with_proxy()
    for spec in CALLS:
        if spec.signer is SignerKind.ROOT:
            assert spec.name not in SUBJECTS
    assert spec_of(FOR_ALICE).name == "proxy"
    assert queries.nonce(world.state.view, who("mallory")) == 0


# --- delay ------------------------------------------------------------------------------------------------------------


def test_a_delayed_proxy_announces_and_waits() -> None:
    world = _with_proxy(delay_blocks=3)
    assert failed(world, "mallory", FOR_ALICE) == "Unannounced"
    executed = world.block(world.sign("mallory", AnnounceProxy(who("alice"), HASH)))
    assert ProxyAnnounced(who("alice"), who("mallory"), HASH) in executed.events
    announced_at = world.state.height
    world.run_to(announced_at + 1)
    assert failed(world, "mallory", FOR_ALICE) == "Unannounced", "one block too early"
    other = Proxy(who("alice"), Transfer(who("bob"), Rao(TAO + 1)))
    world.run_to(announced_at + 2)
    assert world.do("mallory", FOR_ALICE) == ""
    assert failed(world, "mallory", FOR_ALICE) == "Unannounced", "an announcement serves once"
    assert failed(world, "mallory", other) == "Unannounced"


def test_an_announced_call_can_be_rejected_and_taken_back() -> None:
    world = _with_proxy(delay_blocks=1)
    world.do("mallory", AnnounceProxy(who("alice"), HASH))
    assert world.do("alice", RejectProxyAnnouncement(who("mallory"), HASH)) == ""
    assert failed(world, "mallory", FOR_ALICE) == "Unannounced"
    world.do("mallory", AnnounceProxy(who("alice"), HASH))
    assert world.do("mallory", RemoveProxyAnnouncement(who("alice"), HASH)) == ""
    assert failed(world, "mallory", FOR_ALICE) == "Unannounced"


def test_announcing_again_starts_the_delay_anew_and_takes_no_more_room() -> None:
    world = _with_proxy(delay_blocks=3)
    world.do("mallory", AnnounceProxy(who("alice"), HASH))
    world.block()
    world.do("mallory", AnnounceProxy(who("alice"), HASH))
    world.block()
    assert failed(world, "mallory", FOR_ALICE) == "Unannounced"
    assert len(proxies.ANNOUNCEMENTS.get(world.state.view, who("mallory"))) == 1


def test_open_announcements_are_limited() -> None:
    world = _with_proxy(delay_blocks=3)
    raws = [
        world.sign("mallory", AnnounceProxy(who("alice"), call_hash(Transfer(who("bob"), Rao(n)))))
        for n in range(PROXY_ANNOUNCEMENTS_MAX)
    ]
    world.block(*raws)
    assert failed(world, "mallory", AnnounceProxy(who("alice"), ZERO_HASH)) == "TooManyAnnouncements"


def test_the_least_delayed_right_that_covers_the_call_counts() -> None:
    world = _with_proxy(ProxyKind.TRANSFER, delay_blocks=50)
    world.do("alice", AddProxy(who("mallory"), ProxyKind.STAKING, 0))
    assert failed(world, "mallory", FOR_ALICE) == "Unannounced"
    world.do("alice", AddProxy(who("mallory"), ProxyKind.ANY, 0))
    assert world.do("mallory", FOR_ALICE) == ""
