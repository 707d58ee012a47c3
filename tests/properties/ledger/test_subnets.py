"""Whatever anybody does with stake and subnets, whoever creates, tunes or loses one: nothing appears or vanishes.

`World.block` executes every built block anew, checks all invariants of its state and that its undo restores the parent.
Two subnets at most, short immunity and cheap locks: subnets replace each other all the time. Hypothesis chooses what
happens and a seed; the details are drawn from the seed and the state, so that most calls are about things that exist.
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from msgspec.structs import replace as with_

from node.ledger import queries
from node.ledger.calls import (
    AddStake,
    AddStakeBurn,
    BurnAlpha,
    BurnedRegister,
    Call,
    MoveStake,
    RecycleAlpha,
    RegisterLimit,
    RegisterNetwork,
    RemoveStakeFullLimit,
    RootDissolveNetwork,
    SetAlphaValues,
    SetHyperparameter,
    SetParameter,
    SetSubnetOwnerHotkey,
    SetWeights,
    StartCall,
    SwapStake,
    SwapStakeLimit,
    TransferStake,
    TrimToMaxAllowedUids,
    UnstakeAll,
    UnstakeAllAlpha,
)
from node.ledger.parameter_rules import RULES
from node.ledger.parameters import Parameters
from node.ledger.transition import execute_block
from node.primitives.crypto import verify
from node.primitives.types import MAX_SUPPLY_RAO, AccountId, Alpha, NetUid, Rao, Uid
from tests.unit.ledger.root import Scratch
from tests.unit.ledger.world import TAO, World, hyper, small_genesis, who

PEOPLE = ("alice", "bob", "val", "owner", "mallory")
HOTKEYS = ("va", "vb", "owner-hot", "h0", "h1", "h2", "h3")
NAMES = {who(name): name for name in (*PEOPLE, *HOTKEYS)}
seeds = st.integers(0, 2**32 - 1)
Position = tuple[str, AccountId, NetUid, Alpha]


class Life(RuleBasedStateMachine):
    """People who stake anywhere, found subnets and lose them."""

    @initialize(root_rao=st.sampled_from([0, 1000 * TAO]), least_ppm=st.sampled_from([0, 10**8]))
    def begin(self, root_rao: int, least_ppm: int) -> None:
        subnet = hyper(
            tempo_blocks=3, max_uids=6, min_allowed_uids=2, immunity_blocks=2, weights_rate_limit_blocks=0,
            max_validators=3, commit_reveal=False,
        )  # fmt: skip
        spec = small_genesis(subnet=subnet, root_rao=root_rao)
        quick = with_(
            spec.parameters, subnet_limit=2, network_rate_limit_blocks=2, network_immunity_blocks=4,
            network_min_lock_rao=Rao(50 * TAO), network_lock_reduction_blocks=20, admin_freeze_blocks=0,
            owner_rate_limit_tempos=0, trim_rate_limit_blocks=0, nominator_min_stake_ppm=least_ppm,
        )  # fmt: skip
        self.world = World(replace(spec, parameters=quick))
        self.first = self.world.state

    def _do(self, by: str, call: Call) -> None:
        nonce = queries.nonce(self.world.state.view, who(by))
        self.world.block(self.world.sign(by, call, nonce=nonce), may_skip=True)

    def _netuid(self, draw: Random) -> NetUid:
        return draw.choice([NetUid(0), *(row.netuid for row in queries.subnets(self.world.state.view)), NetUid(9)])

    def _position(self, draw: Random) -> Position:
        """A position that exists, if any does, and how much of it is meant."""
        held = [
            (name, position.hotkey, position.netuid, position.alpha)
            for name in PEOPLE
            for position in queries.stakes_of(self.world.state.view, who(name))
        ]
        by, hotkey, netuid, alpha = draw.choice(held or [("bob", who("va"), NetUid(1), Alpha(TAO))])
        return by, hotkey, netuid, Alpha(draw.choice([0, 1, 2_000_001, alpha // 3, alpha - 1, alpha, MAX_SUPPLY_RAO]))

    @rule(seed=seeds)
    def move(self, seed: int) -> None:
        draw = Random(seed)
        by, hotkey, origin, amount = self._position(draw)
        to, netuid = who(draw.choice(HOTKEYS)), draw.choice([origin, self._netuid(draw)])
        limit = draw.choice([0, 1, draw.randrange(3 * 10**8, 3 * 10**9), 10**9, 2**63 - 1])
        makers: list[Callable[[], Call]] = [
            lambda: MoveStake(hotkey, to, origin, netuid, amount),
            lambda: SwapStake(hotkey, origin, netuid, amount),
            lambda: TransferStake(who(draw.choice(PEOPLE)), hotkey, origin, netuid, amount),
            lambda: SwapStakeLimit(hotkey, origin, netuid, amount, limit, draw.random() < 0.5),
        ]
        self._do(by, draw.choice(makers)())

    @rule(seed=seeds)
    def leave(self, seed: int) -> None:
        draw = Random(seed)
        by, hotkey, netuid, amount = self._position(draw)
        limit = draw.choice([0, 1, 9 * 10**8, 10**9, 2**63 - 1])
        calls: list[Call] = [
            RemoveStakeFullLimit(hotkey, netuid, limit), UnstakeAll(hotkey), UnstakeAllAlpha(hotkey),
            RecycleAlpha(hotkey, netuid, amount), BurnAlpha(hotkey, netuid, amount),
            AddStakeBurn(hotkey, netuid, Rao(amount), limit),
        ]  # fmt: skip
        self._do(by, draw.choice(calls))

    @rule(seed=seeds)
    def add(self, seed: int) -> None:
        draw = Random(seed)
        hotkey, amount = who(draw.choice(HOTKEYS)), Rao(draw.choice([0, TAO, draw.randrange(1, 300 * TAO)]))
        self._do(draw.choice(PEOPLE), AddStake(hotkey, self._netuid(draw), amount))

    @rule(seed=seeds)
    def found(self, seed: int) -> None:
        draw = Random(seed)
        hotkey = draw.choice(HOTKEYS)
        owner = queries.hotkey(self.world.state.view, who(hotkey))
        by = NAMES[owner.coldkey] if owner is not None and draw.random() < 0.8 else draw.choice(PEOPLE)
        self._do(by, RegisterNetwork(who(hotkey)))

    @rule(seed=seeds)
    def register(self, seed: int) -> None:
        draw = Random(seed)
        hotkey, netuid = who(draw.choice(HOTKEYS)), self._netuid(draw)
        limited = RegisterLimit(netuid, hotkey, Rao(draw.choice([0, TAO, 2 * TAO])))
        calls: list[Call] = [limited, BurnedRegister(netuid, hotkey)]
        self._do(draw.choice(PEOPLE), draw.choice(calls))

    @rule(seed=seeds)
    def weigh(self, seed: int) -> None:
        draw = Random(seed)
        row = draw.choice(queries.subnets(self.world.state.view))
        by = draw.choice([NAMES[row.owner_hotkey], "va", "vb"])
        uids = draw.sample(range(row.neurons), draw.randrange(row.neurons + 1))
        self._do(by, SetWeights(row.netuid, tuple(map(Uid, uids)), tuple(draw.randrange(9) for _ in uids), 0))

    @rule(seed=seeds)
    def manage(self, seed: int) -> None:
        """What owners do; now and then somebody else tries."""
        draw = Random(seed)
        row = draw.choice(queries.subnets(self.world.state.view))
        by = NAMES[row.owner_coldkey] if draw.random() < 0.9 else draw.choice(PEOPLE)
        name, low = draw.choice(sorted(RULES)), draw.randrange(66_000)
        calls: list[Call] = [
            StartCall(row.netuid), StartCall(row.netuid), TrimToMaxAllowedUids(row.netuid, draw.randrange(9)),
            SetSubnetOwnerHotkey(row.netuid, who(draw.choice(HOTKEYS))),
            SetAlphaValues(row.netuid, low, draw.randrange(66_000)),
            SetHyperparameter(row.netuid, b"liquid_alpha", 1),
            SetHyperparameter(row.netuid, b"commit_reveal", 0),
            SetHyperparameter(row.netuid, name.encode(), self._number(draw)),
        ]  # fmt: skip
        self._do(by, draw.choice(calls))

    @rule(seed=seeds)
    def decide(self, seed: int) -> None:
        """What proposals could do, on a state that is thrown away; `Scratch` checks the invariants."""
        draw, scratch = Random(seed), Scratch(self.world)
        for _ in range(3):
            scratch.decide(
                SetHyperparameter(self._netuid(draw), draw.choice(sorted(RULES)).encode(), self._number(draw))
            )
            name = draw.choice(Parameters.__struct_fields__)
            scratch.decide(SetParameter(name.encode(), self._number(draw)))
        scratch.decide(RootDissolveNetwork(self._netuid(draw)))
        assert queries.total_issuance(scratch.state) <= queries.total_issuance(self.world.state.view)

    @rule(blocks=st.integers(1, 6))
    def wait(self, blocks: int) -> None:
        self.world.run_to(self.world.state.height + blocks)

    @precondition(lambda self: len(self.world.blocks) > 40)
    @rule()
    def replay(self) -> None:
        state = self.first
        for block in self.world.blocks:
            state = execute_block(state, block, self.world.genesis_hash, verify=verify).state
        assert state.state_root == self.world.state.state_root

    @staticmethod
    def _number(draw: Random) -> int:
        return draw.choice([0, 1, 2, 6, 360, 11_796, TAO - 1, TAO, 1 << 60, 2**63 - 1, draw.randrange(70_000)])


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=35, stateful_step_count=50, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
