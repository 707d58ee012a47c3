"""Whatever anybody proposes, votes, bonds, proves, locks or redeems: no τ appears or vanishes, no error is unknown.

`World.block` executes every built block anew, checks all invariants of its state and that its undo restores the parent;
at the end the whole chain is replayed from genesis. Hypothesis chooses what happens and a seed; the details are drawn
from the seed and the state, so that most calls are about things that exist.
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from msgspec.structs import replace as with_

from node.consensus import evidence as proofs
from node.consensus.votes import Step, Vote, message_of_vote
from node.ledger import calls, queries
from node.ledger import network_queries as network
from node.ledger.calls import Call, may_be_proposed
from node.ledger.genesis import genesis_state
from node.ledger.header import UNSIGNED
from node.ledger.transition import execute_block
from node.ledger.vouchers import Voucher, sign_voucher
from node.primitives.codec import encode
from node.primitives.crypto import verify
from node.primitives.types import MAX_SUPPLY_RAO, ZERO_HASH, AccountId, Hash, Height, NetUid, Rao, SetId
from tests.unit.ledger.council import DURATION, SENATORS, council_genesis
from tests.unit.ledger.world import TAO, World, key, who

PEOPLE = ("alice", "bob", "mallory", "val", "owner", "pauper")
AUTHORITIES = tuple(f"authority{index}" for index in range(4))
HOTKEYS = ("va", "vb", "owner-hot", "h0", "h1", *AUTHORITIES)
NAMES = {who(name): name for name in (*PEOPLE, *HOTKEYS)}
AMOUNTS = (0, 499, 500, TAO, TAO + 7, 50 * TAO, 300 * TAO, MAX_SUPPLY_RAO)
seeds = st.integers(0, 2**32 - 1)


class Republic(RuleBasedStateMachine):
    """People who govern, answer for what they sign, and pay each other off chain."""

    @initialize(senators=st.sampled_from([3, 2, 3, 0]), bounded=st.booleans())
    def begin(self, senators: int, bounded: bool) -> None:
        spec = council_genesis(authorities=4, epoch_slots=6, senators=senators)
        rules = with_(spec.parameters, authority_change_bounded=bounded, evidence_age_blocks=9, unbonding_blocks=10)
        self.spec = replace(spec, parameters=rules)
        self.world = World(self.spec)

    def _do(self, by: str, call: Call) -> None:
        nonce = queries.nonce(self.world.state.view, who(by))
        self.world.block(self.world.sign(by, call, nonce=nonce), may_skip=True)

    @rule(seed=seeds)
    def sit_down(self, seed: int) -> None:
        chance = self._chance(seed)
        by, hotkey = chance.choice(PEOPLE), who(chance.choice(HOTKEYS))
        self._do(by, calls.AddStake(hotkey, NetUid(0), Rao(chance.choice([TAO, 5 * TAO]))))
        self._do(by, calls.RootRegister(hotkey) if chance.random() < 0.5 else calls.AdjustSenate(hotkey))

    @rule(seed=seeds)
    def propose(self, seed: int) -> None:
        chance = self._chance(seed)
        kind = chance.choice(PROPOSED)
        encoded = chance.randbytes(5) if chance.random() < 0.05 else encode(kind(self, chance))
        self._do(
            chance.choice(PEOPLE[:4]), calls.Propose(encoded, chance.choice([DURATION - 1, DURATION, DURATION, 40]))
        )

    @rule(seed=seeds, epochs=st.integers(0, 3))
    def decide(self, seed: int, epochs: int) -> None:
        """A proposal carried through, and time for a new authority set."""
        chance = self._chance(seed)
        self._do(chance.choice(PEOPLE[:3]), calls.Propose(encode(chance.choice(PROPOSED)(self, chance)), DURATION))
        self.vote(seed, True)
        self.close(seed, 1)
        for _ in range(epochs):
            self.world.block(slots=6)

    @rule(seed=seeds, approve=st.booleans())
    def vote(self, seed: int, approve: bool) -> None:
        chance = self._chance(seed)
        for proposal in network.proposals(self.world.state.view):
            for coldkey, hotkey in chance.sample(SENATORS, chance.randint(1, len(SENATORS))):
                self._do(coldkey, calls.Vote(who(hotkey), proposal.hash, proposal.index, approve))

    @rule(seed=seeds, slip=st.integers(0, 20))
    def close(self, seed: int, slip: int) -> None:
        chance = self._chance(seed)
        for proposal in network.proposals(self.world.state.view):
            self._do(chance.choice(PEOPLE), calls.CloseProposal(proposal.hash, proposal.index + (slip == 0)))

    @rule(seed=seeds)
    def bond(self, seed: int) -> None:
        chance = self._chance(seed)
        by, hotkey, amount = chance.choice(["val"] * 5 + ["mallory"]), who(chance.choice(HOTKEYS[-5:])), _amount(chance)
        kinds: list[Call] = [
            calls.BondAuthority(hotkey, amount), calls.UnbondAuthority(hotkey, amount), calls.WithdrawUnbonded(hotkey)
        ]  # fmt: skip
        self._do(by, chance.choice(kinds))

    @rule(seed=seeds)
    def report(self, seed: int) -> None:
        chance = self._chance(seed)
        accused, set_id = chance.choice(AUTHORITIES), queries.authority_set(self.world.state.view).set_id
        if chance.random() < 0.5:
            self._do("val", calls.BondAuthority(who(accused), Rao(300 * TAO)))
        place = (SetId(chance.choice([set_id, set_id, 0, 9])), 1 + chance.randint(0, 2), chance.randint(0, 1))
        height = Height(max(0, self.world.state.height - chance.choice([0, 3, 8, 9, 10])))
        votes = []
        for block in chance.choices([b"\1" * 32, b"\2" * 32, b"\3" * 32], k=2):
            vote = Vote(*place, Step.PRECOMMIT, height, Hash(block), who(accused), UNSIGNED)
            votes.append(with_(vote, signature=key(accused).sign(message_of_vote(vote, self.world.genesis_hash))))
        evidence = proofs.encode_evidence(proofs.DoubleVote(*votes))
        self._do(chance.choice(PEOPLE), calls.ReportEvidence(evidence if chance.random() < 0.95 else evidence[:-1]))

    @rule(seed=seeds)
    def open_or_close_channel(self, seed: int) -> None:
        chance = self._chance(seed)
        by = chance.choice(["alice", "alice", "bob", *PEOPLE])
        kinds: list[Call] = [
            calls.OpenChannel(who(chance.choice([*PEOPLE, "stranger"])), _amount(chance), chance.choice([5, 6, 6, 12])),
            calls.OpenChannel(who("bob"), Rao(20 * TAO), 9),
            calls.TopUpChannel(self._channel(chance), _amount(chance)),
            calls.CloseChannel(self._channel(chance)),
        ]
        self._do(by, chance.choice(kinds))

    @rule(seed=seeds)
    def redeem(self, seed: int) -> None:
        chance = self._chance(seed)
        if chance.random() < 0.5:
            self._do(chance.choice(PEOPLE), calls.OpenChannel(who("bob"), Rao(20 * TAO), 9))
        channel = self._channel(chance)
        shown = network.channel(self.world.state.view, channel)
        payer = "alice" if shown is None else NAMES.get(shown.payer, "alice")
        held = 0 if shown is None else shown.deposit_rao
        amount = Rao(chance.choice([held, held // 2, held // 3 + 1, held + 1, 1]))
        signer = payer if chance.random() < 0.9 else "mallory"
        signature = sign_voucher(key(signer), self.world.genesis_hash, Voucher(channel, 1, amount, ZERO_HASH))
        self._do(chance.choice(PEOPLE), calls.RedeemVoucher(channel, 1, amount, ZERO_HASH, signature))

    @rule(seed=seeds)
    def commit_roots(self, seed: int) -> None:
        chance = self._chance(seed)
        root, epoch = Hash(chance.randbytes(32)), (self.world.state.height + 3) // 11 + chance.randint(-2, 1)
        kinds: list[Call] = [
            calls.CommitReceiptRoot(NetUid(1), max(0, epoch), root, 2**63 - 1),
            calls.CommitIndexRoot(NetUid(1), root, 0, 2**63 - 1),
        ]
        self._do(chance.choice(HOTKEYS), chance.choice(kinds))

    @rule(seed=seeds)
    def call_for_oneself_what_only_the_network_may(self, seed: int) -> None:
        chance = self._chance(seed)
        call = chance.choice(PROPOSED[1:])(self, chance)
        assert may_be_proposed(call)
        by = chance.choice(PEOPLE)
        raw = self.world.sign(by, call, nonce=queries.nonce(self.world.state.view, who(by)))
        receipts = self.world.block(raw, may_skip=True).receipts
        assert all(receipt.error_code == "BadOrigin" for receipt in receipts)

    @rule(blocks=st.integers(1, 6), slots=st.integers(1, 7))
    def wait(self, blocks: int, slots: int) -> None:
        for _ in range(blocks):
            self.world.block(slots=slots)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            _, state, _ = genesis_state(self.spec)
            for block in self.world.blocks:
                state = execute_block(state, block, self.world.genesis_hash, verify=verify).state
            assert state.state_root == self.world.state.state_root

    def _chance(self, seed: int) -> Random:
        """Other details at every height, also where Hypothesis likes one seed best."""
        return Random(f"{seed} {self.world.state.height}")

    def _channel(self, chance: Random) -> Hash:
        view = self.world.state.view
        opened = [each.channel for name in PEOPLE for each in network.channels_of_payer(view, who(name))]
        return chance.choice(opened) if opened and chance.random() < 0.9 else ZERO_HASH


def _amount(chance: Random) -> Rao:
    return Rao(chance.choice(AMOUNTS))


def _person(chance: Random) -> AccountId:
    return who(chance.choice(PEOPLE))


def _set(machine: Republic, chance: Random) -> Call:
    present = [member.account for member in queries.authority_set(machine.world.state.view).members]
    little = {*present, who("h0")} - {chance.choice(present)}
    chosen = little if chance.random() < 0.7 else {who(name) for name in HOTKEYS[:4]}
    return calls.SetAuthorities(tuple((account, chance.choice([1, 1, 1, 2])) for account in sorted(chosen)))


def _dropped(machine: Republic, chance: Random) -> Call:
    opened = [proposal.hash for proposal in network.proposals(machine.world.state.view)]
    return calls.DisapproveProposal(chance.choice([*opened, ZERO_HASH]))


PROPOSED: tuple[Callable[[Republic, Random], Call], ...] = (
    lambda machine, chance: calls.Transfer(_person(chance), Rao(TAO)),
    lambda machine, chance: calls.SetParameter(b"base_fee_rao", chance.choice([0, 1000, 10**17])),
    lambda machine, chance: calls.SetParameter(b"evidence_age_blocks", chance.choice([0, 9, 10])),
    lambda machine, chance: calls.SetParameter(b"proposal_duration_blocks", chance.choice([1, DURATION])),
    lambda machine, chance: calls.RemoveAuthority(who(chance.choice(HOTKEYS))),
    _set,
    _set,
    _dropped,
    lambda machine, chance: calls.SchedulePos(chance.randint(0, 9), 14, 1, 0, 0, 0),
    lambda machine, chance: calls.AbortPos(),
    lambda machine, chance: calls.AddMember(_person(chance)),
    lambda machine, chance: calls.RemoveMember(_person(chance)),
    lambda machine, chance: calls.SwapMember(_person(chance), _person(chance)),
    lambda machine, chance: calls.ResetMembers((_person(chance), who("alice"))),
)

TestRepublic = Republic.TestCase
TestRepublic.settings = settings(
    max_examples=40, stateful_step_count=60, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
