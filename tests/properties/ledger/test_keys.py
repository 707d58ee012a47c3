"""Whatever anybody does with keys, children, proxies and secret weights: nothing is lost, and a replay ends the same.

`World.block` executes every built block anew, checks all invariants of its state and that its undo restores the parent.
"""

from dataclasses import replace as with_fields
from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from msgspec.structs import replace

from node.ledger import queries
from node.ledger.calls import (
    AddProxy,
    AddStake,
    AnnounceColdkeySwap,
    AnnounceProxy,
    BatchCommitWeights,
    BatchRevealWeights,
    BatchSetWeights,
    BurnedRegister,
    Call,
    ClearColdkeySwapAnnouncement,
    CommitWeights,
    PlainCall,
    Proxy,
    ProxyKind,
    RejectProxyAnnouncement,
    RemoveProxies,
    RemoveProxy,
    RemoveProxyAnnouncement,
    RevealWeights,
    RootRegister,
    SetAutoParentDelegation,
    SetChildkeyTake,
    SetChildren,
    SetColdkeyAutoStakeHotkey,
    SetCommitmentResetBonds,
    SetIdentity,
    SetWeights,
    SwapColdkeyAnnounced,
    SwapHotkey,
    SwapHotkeyOnSubnet,
    Transfer,
    TransferStake,
    TryAssociateHotkey,
)
from node.ledger.commit_hash import commit_hash
from node.ledger.genesis import GenesisSubnet, genesis_state
from node.ledger.pallets.coldkey_swaps import coldkey_hash
from node.ledger.proxy_rights import call_hash
from node.ledger.transition import execute_block
from node.primitives.crypto import verify
from node.primitives.fixed import U64_MAX
from node.primitives.types import AccountId, Alpha, NetUid, Rao, Uid
from tests.unit.ledger.world import TAO, TEST_PARAMETERS, World, hyper, small_genesis, who

PEOPLE: Final = ("alice", "bob", "val", "owner", "fresh0", "fresh1", "fresh2")
HOTKEYS: Final = ("va", "vb", "owner-hot", "h0", "h1", "h2", "h3", "alice")
QUICK: Final = replace(
    TEST_PARAMETERS,
    stake_threshold_rao=TAO,
    childkey_take_rate_limit_blocks=0,
    childkey_burn_u64=2**60,
    children_rate_limit_blocks=0,
    children_cooldown_blocks=1,
    hotkey_swap_rate_limit_blocks=0,
    hotkey_swap_on_subnet_rate_limit_blocks=0,
    coldkey_swap_delay_blocks=2,
    coldkey_swap_second_thoughts_blocks=1,
    commitment_rate_limit_blocks=0,
)

OwnersCall = (
    BurnedRegister
    | RootRegister
    | SetChildren
    | SetChildkeyTake
    | SetAutoParentDelegation
    | SwapHotkey
    | SwapHotkeyOnSubnet
)
NAMES: Final = {who(name): name for name in PEOPLE}

people = st.sampled_from(PEOPLE)
accounts = people.map(who)
hotkeys = st.sampled_from(HOTKEYS).map(who)
seated = st.sampled_from(HOTKEYS[:3])
netuids = st.sampled_from([0, 1, 1, 1, 2, 3]).map(NetUid)
rows = st.dictionaries(st.integers(0, 6).map(Uid), st.integers(0, 65_535), min_size=1, max_size=5)
salts = st.integers(0, 3).map(lambda salt: (salt,))
parts = st.sampled_from([0, 1, U64_MAX // 5, U64_MAX // 4, U64_MAX // 2])
links = st.one_of(
    st.lists(st.tuples(parts, hotkeys), max_size=2, unique_by=lambda link: link[1]).map(tuple),
    st.lists(st.tuples(st.sampled_from([0, U64_MAX // 2, U64_MAX]), hotkeys), max_size=6).map(tuple),
)
kinds = st.sampled_from(ProxyKind)
keep = st.booleans()

owners_calls: st.SearchStrategy[OwnersCall] = st.one_of(
    st.builds(BurnedRegister, netuids, hotkeys),
    st.builds(RootRegister, hotkeys),
    st.builds(SetChildren, hotkeys, netuids, links),
    st.builds(SetChildkeyTake, hotkeys, netuids, st.integers(0, 12_000)),
    st.builds(SetAutoParentDelegation, hotkeys, st.booleans()),
    st.builds(SwapHotkey, hotkeys, hotkeys, keep),
    st.builds(SwapHotkeyOnSubnet, hotkeys, hotkeys, netuids, keep),
)
plain_calls: st.SearchStrategy[PlainCall] = st.one_of(
    owners_calls,
    st.builds(Transfer, accounts, st.sampled_from([0, 1, TAO // 3, TAO]).map(Rao)),
    st.builds(AddStake, hotkeys, netuids, st.integers(TAO, 50 * TAO).map(Rao)),
    st.builds(TransferStake, accounts, hotkeys, netuids, netuids, st.integers(TAO, 20 * TAO).map(Alpha)),
    st.builds(TryAssociateHotkey, hotkeys),
    st.builds(SetColdkeyAutoStakeHotkey, netuids, hotkeys),
    st.builds(SetIdentity, *[st.sampled_from(["", "text", "\n"])] * 7),
    st.just(ClearColdkeySwapAnnouncement()),
)
proxy_calls: st.SearchStrategy[Call] = st.one_of(
    st.builds(AddProxy, accounts, kinds, st.sampled_from([0, 0, 2])),
    st.builds(AddProxy, accounts, st.just(ProxyKind.ANY), st.just(0)),
    st.builds(RemoveProxy, accounts, kinds, st.sampled_from([0, 2])),
    st.just(RemoveProxies()),
    st.builds(Proxy, accounts, plain_calls),
    st.builds(AnnounceProxy, accounts, plain_calls.map(call_hash)),
    st.builds(RejectProxyAnnouncement, accounts, plain_calls.map(call_hash)),
    st.builds(RemoveProxyAnnouncement, accounts, plain_calls.map(call_hash)),
)


class Keys(RuleBasedStateMachine):
    """People who do anything at all with keys, block by block."""

    @initialize(commit_reveal=st.booleans(), reset=st.booleans(), max_uids=st.integers(4, 6))
    def begin(self, commit_reveal: bool, reset: bool, max_uids: int) -> None:
        numbers = hyper(
            tempo_blocks=3, max_uids=max_uids, immunity_blocks=2, weights_rate_limit_blocks=0, burn_start_rao=TAO,
            commit_reveal=commit_reveal, bonds_reset=reset, max_validators=3,
        )  # fmt: skip
        spec = small_genesis(subnet=numbers, parameters=QUICK, root_rao=500 * TAO)
        unstarted = GenesisSubnet(
            NetUid(2), "new", who("vb"), who("val"), Rao(TAO), Alpha(TAO), started=False, hyperparameters=numbers
        )
        self.spec = with_fields(spec, subnets=(*spec.subnets, unstarted))
        self.world = World(self.spec)

    def _do(self, by: str, *calls: Call) -> None:
        nonce = queries.nonce(self.world.state.view, who(by))
        raws = [self.world.sign(by, call, nonce=nonce + index) for index, call in enumerate(calls)]
        self.world.block(*raws, may_skip=True)

    def _owner(self, hotkey: AccountId) -> str | None:
        """The name of a hotkey's coldkey."""
        record = queries.hotkey(self.world.state.view, hotkey)
        return None if record is None else NAMES.get(record.coldkey)

    @rule(by=people, call=plain_calls)
    def plain(self, by: str, call: PlainCall) -> None:
        self._do(by, call)

    @rule(call=owners_calls, stranger=people)
    def owners(self, call: OwnersCall, stranger: str) -> None:
        self._do(self._owner(call.hotkey) or stranger, call)

    @rule(call=owners_calls)
    def owners_again(self, call: OwnersCall) -> None:
        self._do(self._owner(call.hotkey) or "alice", call)

    @rule(pick=st.integers(0, 40), to=accounts, amount=st.integers(TAO, 20 * TAO))
    def give_stake(self, pick: int, to: AccountId, amount: int) -> None:
        by = PEOPLE[pick % len(PEOPLE)]
        positions = queries.stakes_of(self.world.state.view, who(by))
        if positions:
            each = positions[pick % len(positions)]
            self._do(by, TransferStake(to, each.hotkey, each.netuid, each.netuid, Alpha(min(amount, each.alpha))))

    @rule(by=people, calls=st.lists(proxy_calls, min_size=1, max_size=3))
    def proxies(self, by: str, calls: list[Call]) -> None:
        self._do(by, *calls)

    @rule(real=people, by=people, call=plain_calls)
    def named_proxy(self, real: str, by: str, call: PlainCall) -> None:
        self._do(real, AddProxy(who(by), ProxyKind.ANY, 0))
        self._do(by, Proxy(who(real), call))

    @rule(
        by=st.sampled_from(HOTKEYS[:3]), row=rows, salt=salts, wait=st.integers(0, 5), wrong=salts, fits=st.booleans()
    )
    def secret(self, by: str, row: dict[Uid, int], salt: tuple[int], wait: int, wrong: tuple[int], fits: bool) -> None:
        uids, values = tuple(row), tuple(row.values())
        commit = CommitWeights(NetUid(1), commit_hash(who(by), NetUid(1), uids, values, salt, 0))
        self._do(by, commit if wait % 2 else BatchCommitWeights((commit, replace(commit, netuid=NetUid(2)))))
        self.world.run_to(self.world.state.height + wait)
        reveal = RevealWeights(NetUid(1), uids, values, salt if fits else wrong, 0)
        self._do(by, reveal if wait % 3 else BatchRevealWeights((reveal, replace(reveal, salt=salt))))

    @rule(by=st.sampled_from(HOTKEYS), row=rows, data=st.binary(max_size=4))
    def weights(self, by: str, row: dict[Uid, int], data: bytes) -> None:
        item = SetWeights(NetUid(1), tuple(row), tuple(row.values()), 0)
        self._do(by, BatchSetWeights((item, item)), SetCommitmentResetBonds(NetUid(1), data))

    @rule(by=people, new=st.sampled_from([*PEOPLE, "h3"]), wait=st.integers(0, 5), chance=st.integers(0, 5))
    def hand_over(self, by: str, new: str, wait: int, chance: int) -> None:
        if chance:  # rarely: the old account is empty afterwards
            return
        self._do(by, AnnounceColdkeySwap(coldkey_hash(who(new))))
        self.world.run_to(self.world.state.height + wait)
        self._do(by, SwapColdkeyAnnounced(who(new)))
        self._do("mallory", Transfer(who(by), Rao(50 * TAO)))
        self._do(by, SwapColdkeyAnnounced(who(new)))
        self.world.run_to(self.world.state.height + 3)
        self._do(by, ClearColdkeySwapAnnouncement())

    @rule(blocks=st.integers(1, 6))
    def wait(self, blocks: int) -> None:
        self.world.run_to(self.world.state.height + blocks)

    def teardown(self) -> None:
        """A replay from genesis ends in the same state."""
        if not hasattr(self, "world"):
            return
        _, state, _ = genesis_state(self.spec)
        genesis_hash = state.hash
        for block in self.world.blocks:
            state = execute_block(state, block, genesis_hash, verify=verify).state
        assert state.state_root == self.world.state.state_root
        assert state.hash == self.world.state.hash


TestKeys = Keys.TestCase
TestKeys.settings = settings(
    max_examples=15, stateful_step_count=40, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip


def test_the_machine_reaches_what_it_is_about() -> None:
    """Every kind of change this machine is for can succeed in its world; otherwise its runs would show nothing."""
    machine = Keys()
    machine.begin(commit_reveal=True, reset=True, max_uids=6)
    done: dict[str, bool] = {}

    def put(by: str, call: Call) -> None:
        executed = machine.world.block(machine.world.sign(by, call))
        done[type(call).__name__] = done.get(type(call).__name__, False) or executed.receipts[0].ok

    everything = U64_MAX
    key: AccountId = who("h0")
    put("val", SetChildren(who("va"), NetUid(1), ((everything, who("vb")),)))
    machine.wait(6)
    put("val", TryAssociateHotkey(key))
    put("val", SwapHotkey(who("va"), key, keep_stake=False))
    put("alice", SetColdkeyAutoStakeHotkey(NetUid(1), key))
    put("val", SwapHotkeyOnSubnet(key, who("h1"), NetUid(1), keep_stake=False))
    put("val", AddProxy(who("bob"), ProxyKind.ANY, 0))
    put("bob", Proxy(who("val"), SetIdentity("name", "", "", "", "", "", "")))
    put("val", AnnounceColdkeySwap(coldkey_hash(who("fresh0"))))
    machine.wait(3)
    put("val", SwapColdkeyAnnounced(who("fresh0")))
    machine.teardown()
    assert all(done.values()), done
