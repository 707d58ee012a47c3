"""Whatever anybody calls in whatever order: no τ or α appears or vanishes, and only the ledger's errors come back.

`World.block` executes every built block anew, checks all invariants of its state and that its undo restores the parent.
"""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from node.ledger import queries
from node.ledger.calls import (
    AddStake,
    AddStakeLimit,
    BurnedRegister,
    Call,
    DecreaseTake,
    IncreaseTake,
    RemoveStake,
    RemoveStakeLimit,
    ServeAxon,
    SetCommitment,
    SetWeights,
    Transfer,
)
from node.primitives.types import MAX_SUPPLY_RAO, AccountId, Alpha, NetUid, Rao, Uid
from tests.unit.ledger.world import TAO, World, hyper, small_genesis, who

PEOPLE = ("alice", "bob", "val", "owner", "mallory", "pauper")
HOTKEYS = ("va", "vb", "owner-hot", "m0", "m1", "m2", "m3", "alice")

people = st.sampled_from(PEOPLE)
hotkeys = st.sampled_from(HOTKEYS).map(who)
netuids = st.sampled_from([0, 1, 1, 1, 2]).map(NetUid)
amounts = st.one_of(
    st.sampled_from([0, 1, 499, 2_000_000, TAO, MAX_SUPPLY_RAO]),
    st.integers(1, 3_000 * TAO),
    st.integers(1, 10_000_000),
)
limits = st.one_of(st.sampled_from([0, 1, 10**9, 2**63 - 1]), st.integers(9 * 10**8, 11 * 10**8))
shares = st.integers(0, 65_535)


class Market(RuleBasedStateMachine):
    """People who do anything at all to a small subnet, block by block."""

    @initialize(root_rao=st.sampled_from([0, 1000 * TAO]), max_uids=st.integers(4, 7), recycle=st.booleans())
    def begin(self, root_rao: int, max_uids: int, recycle: bool) -> None:
        numbers = hyper(
            tempo_blocks=3, max_uids=max_uids, immunity_blocks=2, weights_rate_limit_blocks=0, burn_start_rao=TAO,
            recycle_withheld=recycle, max_validators=3,
        )  # fmt: skip
        self.world = World(small_genesis(subnet=numbers, root_rao=root_rao))

    def _do(self, by: str, call: Call) -> None:
        nonce = queries.nonce(self.world.state.view, who(by))
        self.world.block(self.world.sign(by, call, nonce=nonce), may_skip=True)

    @rule(by=people, to=st.one_of(people.map(who), hotkeys), amount=amounts)
    def transfer(self, by: str, to: AccountId, amount: int) -> None:
        self._do(by, Transfer(to, Rao(amount)))

    @rule(by=people, hotkey=hotkeys, netuid=netuids, amount=amounts)
    def add_stake(self, by: str, hotkey: AccountId, netuid: NetUid, amount: int) -> None:
        self._do(by, AddStake(hotkey, netuid, Rao(amount)))

    @rule(by=people, hotkey=hotkeys, netuid=netuids, amount=amounts, limit=limits, partial=st.booleans())
    def add_stake_limit(
        self, by: str, hotkey: AccountId, netuid: NetUid, amount: int, limit: int, partial: bool
    ) -> None:
        self._do(by, AddStakeLimit(hotkey, netuid, Rao(amount), limit, partial))

    @rule(by=people, hotkey=hotkeys, netuid=netuids, amount=amounts)
    def remove_stake(self, by: str, hotkey: AccountId, netuid: NetUid, amount: int) -> None:
        self._do(by, RemoveStake(hotkey, netuid, Alpha(amount)))

    @rule(by=people, pick=st.integers(0, 20), limit=limits)
    def remove_everything(self, by: str, pick: int, limit: int) -> None:
        positions = queries.stakes_of(self.world.state.view, who(by))
        if positions:
            position = positions[pick % len(positions)]
            if pick % 2:
                self._do(by, RemoveStake(position.hotkey, position.netuid, position.alpha))
            else:
                self._do(by, RemoveStakeLimit(position.hotkey, position.netuid, position.alpha, limit, pick % 3 == 0))

    @rule(by=people, hotkey=hotkeys, netuid=netuids)
    def register(self, by: str, hotkey: AccountId, netuid: NetUid) -> None:
        self._do(by, BurnedRegister(netuid, hotkey))

    @rule(by=st.sampled_from(HOTKEYS), weights=st.dictionaries(st.integers(0, 7), shares, max_size=7))
    def set_weights(self, by: str, weights: dict[int, int]) -> None:
        self._do(by, SetWeights(NetUid(1), tuple(Uid(uid) for uid in weights), tuple(weights.values()), 0))

    @rule(by=st.sampled_from(HOTKEYS), data=st.binary(max_size=20))
    def publish(self, by: str, data: bytes) -> None:
        self._do(by, SetCommitment(NetUid(1), data))
        self._do(by, ServeAxon(NetUid(1), data or b"peer", (data or b"a",)))

    @rule(by=people, hotkey=hotkeys, take=shares, up=st.booleans())
    def change_take(self, by: str, hotkey: AccountId, take: int, up: bool) -> None:
        self._do(by, IncreaseTake(hotkey, take) if up else DecreaseTake(hotkey, take))

    @rule(blocks=st.integers(1, 8))
    def wait(self, blocks: int) -> None:
        self.world.run_to(self.world.state.height + blocks)


TestMarket = Market.TestCase
TestMarket.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
