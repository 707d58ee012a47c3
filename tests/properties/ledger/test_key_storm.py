"""A storm of seeded random calls on keys: every kind succeeds, every failure is one the table of calls names."""

from collections import Counter
from dataclasses import replace as with_fields
from random import Random
from typing import Final

from node.ledger import key_queries, queries
from node.ledger.calls import (
    AddProxy,
    AddStake,
    AnnounceColdkeySwap,
    AnnounceProxy,
    BatchCommitWeights,
    BatchRevealWeights,
    BurnedRegister,
    Call,
    ClearColdkeySwapAnnouncement,
    CommitWeights,
    DisputeColdkeySwap,
    Proxy,
    ProxyKind,
    RejectProxyAnnouncement,
    RemoveProxies,
    RemoveProxy,
    RemoveProxyAnnouncement,
    RevealWeights,
    SetAutoParentDelegation,
    SetChildkeyTake,
    SetChildren,
    SetColdkeyAutoStakeHotkey,
    SetCommitmentResetBonds,
    SetIdentity,
    SwapColdkeyAnnounced,
    SwapHotkey,
    SwapHotkeyOnSubnet,
    Transfer,
    TransferStake,
    TryAssociateHotkey,
    is_free,
)
from node.ledger.commit_hash import commit_hash
from node.ledger.genesis import Balance, GenesisSubnet, genesis_state
from node.ledger.pallets.coldkey_swaps import coldkey_hash
from node.ledger.proxy_rights import call_hash
from node.ledger.transaction import decode_transaction
from node.ledger.transition import execute_block
from node.primitives.crypto import verify
from node.primitives.types import AccountId, Alpha, NetUid, Rao, Uid
from tests.properties.ledger.test_keys import QUICK
from tests.unit.ledger.refusals import listed
from tests.unit.ledger.world import SUBNET, TAO, World, hyper, small_genesis, who

BLOCKS: Final = 180
CALLS_PER_BLOCK: Final = 24
PEOPLE: Final = tuple(f"p{index}" for index in range(14))
HOTKEYS: Final = ("va", "vb", "owner-hot", *(f"h{index}" for index in range(9)))
NAMES: Final = {who(name): name for name in (*PEOPLE, "alice", "bob", "val", "owner", "mallory")}
GIFT: Final = Transfer(who("alice"), Rao(TAO))


class Storm:
    """Random signers, most of them with a right to what they do."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        numbers = hyper(
            tempo_blocks=3, max_uids=7, immunity_blocks=2, weights_rate_limit_blocks=0, burn_start_rao=TAO,
            commit_reveal=True, bonds_reset=True, max_validators=3,
        )  # fmt: skip
        spec = small_genesis(subnet=numbers, parameters=QUICK, root_rao=500 * TAO)
        unstarted = GenesisSubnet(
            NetUid(2), "new", who("vb"), who("val"), Rao(TAO), Alpha(TAO), started=False, hyperparameters=numbers
        )
        funded = (Balance(who(name), Rao(500 * TAO)) for name in PEOPLE)
        self.spec = with_fields(spec, subnets=(*spec.subnets, unstarted), balances=(*spec.balances, *funded))
        self.world = World(self.spec)
        self.announced: dict[str, str] = {}
        self.committed: list[tuple[str, RevealWeights]] = []
        self.done: Counter[str] = Counter()
        self.failed: Counter[tuple[str, str]] = Counter()

    # --- picks --------------------------------------------------------------------------------------------------------

    def person(self) -> str:
        return self.random.choice((*PEOPLE, "alice", "bob", "val", "owner"))

    def hotkey(self) -> AccountId:
        return who(self.random.choice(HOTKEYS))

    def netuid(self) -> NetUid:
        return self.random.choice((SUBNET, SUBNET, SUBNET, NetUid(2), NetUid(0), NetUid(9)))

    def owner(self, hotkey: AccountId) -> str:
        record = queries.hotkey(self.world.state.view, hotkey)
        known = None if record is None or self.random.random() < 0.1 else NAMES.get(record.coldkey)
        return known or self.person()

    # --- calls --------------------------------------------------------------------------------------------------------

    def call(self) -> tuple[str, Call]:
        """Somebody's next call."""
        makers = (self.of_owner, self.of_owner, self.of_person, self.of_person, self.of_proxy, self.secret)
        return self.random.choice(makers)()

    def of_owner(self) -> tuple[str, Call]:
        hotkey, netuid, other = self.hotkey(), self.netuid(), self.hotkey()
        share = self.random.choice((0, 1, 2**61, 2**63, 2**64 - 1))
        calls: tuple[Call, ...] = (
            SetChildren(hotkey, netuid, ((share, other),)),
            SetChildren(hotkey, netuid, ((share, other), (2**60, self.hotkey()))),
            SetChildren(hotkey, netuid, ()),
            SetChildkeyTake(hotkey, netuid, self.random.randrange(13_000)),
            SetAutoParentDelegation(hotkey, self.random.random() < 0.5),
            BurnedRegister(netuid, hotkey),
            SwapHotkey(hotkey, other, self.random.random() < 0.3),
            SwapHotkeyOnSubnet(hotkey, other, netuid, self.random.random() < 0.3),
        )
        return self.owner(hotkey), self.random.choice(calls)

    def of_person(self) -> tuple[str, Call]:
        by, netuid, hotkey = self.person(), self.netuid(), self.hotkey()
        new = self.announced.get(by) or self.random.choice(PEOPLE)
        amount = self.random.randrange(TAO, 40 * TAO)
        calls: list[Call] = [
            Transfer(who(self.person()), Rao(amount)),
            AddStake(hotkey, netuid, Rao(amount)),
            TransferStake(who(self.person()), hotkey, netuid, netuid, Alpha(amount // 8)),
            TryAssociateHotkey(hotkey),
            SetColdkeyAutoStakeHotkey(netuid, hotkey),
            SetIdentity(self.random.choice(("", "name", "\n")), "", "", "", "", "", ""),
            SwapColdkeyAnnounced(who(new)),
            ClearColdkeySwapAnnouncement(),
        ]
        if self.random.random() < 0.05:
            calls = [AnnounceColdkeySwap(coldkey_hash(who(new)))]
            self.announced[by] = new
            if self.random.random() < 0.05:
                calls = [DisputeColdkeySwap()]
        return by, self.random.choice(calls)

    def of_proxy(self) -> tuple[str, Call]:
        real, by, kind = self.person(), self.person(), self.random.choice(list(ProxyKind))
        delay = self.random.choice((0, 0, 2))
        inner = self.random.choice((GIFT, self.of_owner()[1], self.of_person()[1]))
        for _ in range(6):  # prefer accounts that have proxies
            known = rights_over(self.world, real)
            if known and self.random.random() < 0.8:
                by, kind, delay = self.random.choice(known)
                break
            real = self.person()
        calls: tuple[tuple[str, Call], ...] = (
            (real, AddProxy(who(by), ProxyKind.ANY, delay)),
            (real, AddProxy(who(by), kind, delay)),
            (real, RemoveProxy(who(by), kind, delay)),
            (by, Proxy(who(real), inner)),  # type: ignore[arg-type]
            (by, Proxy(who(real), GIFT)),
            (by, AnnounceProxy(who(real), call_hash(GIFT))),
            (by, RemoveProxyAnnouncement(who(real), call_hash(GIFT))),
            (real, RejectProxyAnnouncement(who(by), call_hash(GIFT))),
        )
        return self.random.choice((*calls, *calls[:6], (real, RemoveProxies())))

    def secret(self) -> tuple[str, Call]:
        by, uid = self.random.choice(HOTKEYS), Uid(self.random.randrange(7))
        if self.committed and self.random.random() < 0.5:
            by, reveal = self.random.choice(self.committed[-12:])
            return by, reveal if self.random.random() < 0.7 else BatchRevealWeights((reveal, reveal))
        if self.random.random() < 0.2:
            return by, SetCommitmentResetBonds(SUBNET, self.random.randbytes(3))
        reveal = RevealWeights(SUBNET, (uid,), (1,), (self.random.randrange(9),), 0)
        self.committed.append((by, reveal))
        digest = commit_hash(who(by), SUBNET, reveal.uids, reveal.values, reveal.salt, 0)
        commit = CommitWeights(SUBNET, digest)
        return by, commit if self.random.random() < 0.7 else BatchCommitWeights((commit, commit))

    # --- blocks -------------------------------------------------------------------------------------------------------

    def block(self) -> None:
        """A block of random calls; what it did is counted."""
        raws: list[bytes] = []
        nonces: dict[str, int] = {}
        for _ in range(CALLS_PER_BLOCK):
            by, call = self.call()
            nonce = nonces.get(by, queries.nonce(self.world.state.view, who(by)))
            raws.append(self.world.sign(by, call, nonce=nonce))
            nonces[by] = nonce + (not is_free(call))
        executed = self.world.block(*raws, may_skip=True)
        for raw, receipt in zip(self.world.blocks[-1].transactions, executed.receipts, strict=True):
            call = decode_transaction(raw).call
            if receipt.ok:
                self.done[type(call).__name__] += 1
                continue
            self.failed[type(call).__name__, receipt.error_code] += 1
            inner = call.call if isinstance(call, Proxy) else call
            known = listed(call) | listed(inner) | {"ColdkeySwapAnnounced", "ColdkeySwapDisputed"}
            assert receipt.error_code in known, (type(inner).__name__, receipt.error_code)


def rights_over(world: World, real: str) -> list[tuple[str, ProxyKind, int]]:
    """The rights over an account whose delegates have names here."""
    found = key_queries.proxies_of(world.state.view, who(real))
    return [(NAMES[each.delegate], each.kind, each.delay_blocks) for each in found if each.delegate in NAMES]


def test_a_storm_of_calls_breaks_no_invariant_reaches_every_call_and_replays_to_the_same_state() -> None:
    storm = Storm(seed=5)
    kinds = {
        AddProxy, AnnounceColdkeySwap, AnnounceProxy, BatchCommitWeights, BatchRevealWeights, BurnedRegister,
        ClearColdkeySwapAnnouncement, CommitWeights, Proxy, RejectProxyAnnouncement, RemoveProxies, RemoveProxy,
        RemoveProxyAnnouncement, RevealWeights, SetAutoParentDelegation, SetChildkeyTake, SetChildren,
        SetColdkeyAutoStakeHotkey, SetCommitmentResetBonds, SetIdentity, SwapColdkeyAnnounced, SwapHotkey,
        SwapHotkeyOnSubnet, TryAssociateHotkey,
    }  # fmt: skip
    names = {kind.__name__ for kind in kinds}
    while storm.world.state.height < BLOCKS or (storm.world.state.height < 3 * BLOCKS and names - set(storm.done)):
        storm.block()
    never = names - set(storm.done)
    assert never == set(), f"these never succeeded: {never}"
    assert len(storm.failed) > 50, "and many ways to fail were tried, beside those of frozen coldkeys"
    _, state, _ = genesis_state(storm.spec)
    genesis_hash = state.hash
    for block in storm.world.blocks:
        state = execute_block(state, block, genesis_hash, verify=verify).state
    assert state.state_root == storm.world.state.state_root
