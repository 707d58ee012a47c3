"""A whole economy in one process: the real ledger with its emission, pools and Yuma Consensus, and simulated people.

Nothing is approximated but the work: what a verdict on a miner is like was measured in a trial, or is given, and is
drawn again with a seed. Signatures are made and not checked, there is one block producer, nothing is stored.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from node.economics.clock import epoch_due
from node.ledger import queries
from node.ledger.calls import SetWeights
from node.ledger.genesis import GenesisNeuron, GenesisSpec, GenesisStake, GenesisSubnet, genesis_state
from node.ledger.invariants import check_issuance
from node.ledger.parameters import Hyperparameters, Parameters
from node.ledger.queries import Metagraph
from node.ledger.state import DictView
from node.ledger.transaction import sign_transaction
from node.ledger.transition import build_block
from node.market.book import ScoreBook
from node.market.chain import neuron_of
from node.market.rounds import choose_targets
from node.market.weights import WeightVector, weight_vector
from node.primitives.crypto import Ed25519Signer, digest
from node.primitives.types import RAO_PER_TAO, AccountId, Alpha, Height, NetUid, Rao, Slot
from node.subnets.base import AnySubnet, Code, Judged, Neuron, Usage, Verdict, View
from node.subnets.lab.hosts import key_of
from node.subnets.lab.limits import SEATS_MAX
from node.subnets.lab.mix import MinerGroup, Mix, ValidatorGroup

NETUID: Final = NetUid(1)
SLOT_MS: Final = 12_000
_U16_MAX: Final = 65_535
G = TypeVar("G", MinerGroup, ValidatorGroup)

Outcomes = Mapping[str, Sequence[Verdict]]
"""The verdicts that a miner of each way met in a trial."""


@dataclass(frozen=True, slots=True)
class GroupResult:
    """What one group got: α in all epochs together, share of what its side got, α a seat and epoch.

    `of_honest` compares a seat with an honest one of the same side (for validators: α per staked α); `trust` is the
    validators' mean agreement with the consensus in the last epoch, 0..1.
    """

    title: str
    seats: int
    alpha: int
    share: float
    alpha_each: float
    of_honest: float
    trust: float = 0.0


@dataclass(frozen=True, slots=True)
class Economy:
    """How it went. Prices in rao for one α."""

    blocks: int
    epochs: int
    verdicts: int
    miners: tuple[GroupResult, ...]
    validators: tuple[GroupResult, ...]
    owner_alpha: int
    price_before_rao: int
    price_after_rao: int
    issuance_grown_rao: int


@dataclass(slots=True)
class _Validator:
    key: Ed25519Signer
    group: ValidatorGroup
    book: ScoreBook
    chance: random.Random


def simulate(
    subnet: AnySubnet, mix: Mix, outcomes: Outcomes, *, progress: Callable[[int, int], None] = lambda _done, _of: None
) -> Economy:
    """Run the economy to its end: the same arguments, the same result. Raises InvariantBroken for a broken ledger."""
    return _Run(subnet, mix, outcomes).go(progress)


class _Run:
    def __init__(self, subnet: AnySubnet, mix: Mix, outcomes: Outcomes) -> None:
        self._subnet = subnet
        self._mix = mix
        self._outcomes = outcomes
        self._miners = {key_of(f"miner {g} {n}").public: group for g, n, group in _members(mix.miners)}
        self._validators = [
            _Validator(
                key_of(f"validator {g} {n}"), group, ScoreBook(subnet.spec.alpha), random.Random(f"{mix.seed} {g} {n}")
            )
            for g, n, group in _members(mix.validators)
        ]
        self._producer = key_of("producer").public
        _, self._state, self._rows = genesis_state(self._genesis())
        self._genesis_hash = self._state.hash
        self._earned: dict[AccountId, int] = {}
        self._verdicts = 0

    def _genesis(self) -> GenesisSpec:
        mix, owner = self._mix, key_of("owner").public
        rules = Hyperparameters(
            tempo_blocks=mix.tempo_blocks, commit_reveal=False, weights_rate_limit_blocks=0, yuma3=mix.yuma3,
            max_uids=SEATS_MAX, min_allowed_weights=1, activity_cutoff_blocks=max(5_000, 4 * mix.tempo_blocks),
        )  # fmt: skip
        seats = [GenesisNeuron(each.key.public, each.key.public, validator_permit=True) for each in self._validators]
        seats += [GenesisNeuron(hotkey, hotkey) for hotkey in self._miners]
        pool = mix.pool_tao * RAO_PER_TAO
        return GenesisSpec(
            name="economy", start_ms=0, slot_ms=SLOT_MS, authorities=(self._producer,),
            parameters=Parameters(stake_threshold_rao=Rao(0)),
            subnets=(
                GenesisSubnet(
                    NETUID, self._subnet.spec.name, key_of("owner's hotkey").public, owner, Rao(pool), Alpha(pool),
                    hyperparameters=rules, neurons=tuple(seats),
                ),
            ),
            stakes=tuple(
                GenesisStake(v.key.public, v.key.public, NETUID, Alpha(v.group.stake_tao * RAO_PER_TAO))
                for v in self._validators
            ),
        )  # fmt: skip

    def go(self, progress: Callable[[int, int], None]) -> Economy:
        mix, done, raws = self._mix, 0, list[bytes]()
        before = queries.subnet(self._state.view, NETUID)
        issued_rao = queries.total_issuance(self._state.view)
        weigh_at = mix.tempo_blocks // 2
        while done < mix.epochs + 1:  # the first tempo is cut short: a rehearsal that is not counted
            self._block(raws)
            raws = []
            if epoch_due(self._state.height, NETUID, mix.tempo_blocks):
                if done:
                    self._pay_day()
                done += 1
                progress(done - 1, mix.epochs)
                weigh_at = self._state.height + mix.tempo_blocks // 2
            if self._state.height == weigh_at:
                raws = self._weigh_all()
        check_issuance(self._state.view)
        after = queries.subnet(self._state.view, NETUID)
        owned = sum(each.alpha for each in queries.stakes_of(self._state.view, key_of("owner").public))
        return Economy(
            self._state.height, mix.epochs, self._verdicts, *self._results(),
            owned, before.price_rao, after.price_rao,
            queries.total_issuance(self._state.view) - issued_rao,
        )  # fmt: skip

    def _block(self, raws: list[bytes]) -> None:
        draft = build_block(
            self._state, Slot(self._state.slot + 1), self._producer, raws, self._genesis_hash, verify=_trusting,
            enact=True,
        )  # fmt: skip
        executed = draft.seal(bytes(64))[1]
        for path, value in executed.changes.items():
            if value is None:
                self._rows.pop(path, None)
            else:
                self._rows[path] = value
        self._state = replace(executed.state, view=DictView(self._rows))

    # --- an epoch ---------------------------------------------------------------------------------------------------

    def _weigh_all(self) -> list[bytes]:
        graph = queries.metagraph(self._state.view, NETUID)
        view = View(NETUID, graph.height, self._state.hash, tuple(map(neuron_of, graph.rows)))
        miners = [neuron for neuron in view.neurons if neuron.hotkey in self._miners]
        raws = []
        for validator in self._validators:
            vector = self._weights_of(validator, graph, view, miners)
            if vector is not None:
                raws.append(self._signed(validator.key, vector))
        return raws

    def _weights_of(
        self, validator: _Validator, graph: Metagraph, view: View, miners: list[Neuron]
    ) -> WeightVector | None:
        match validator.group.way:
            case "silent":
                return None
            case "equal":
                return weight_vector({neuron.hotkey: 1.0 for neuron in miners}, view)
            case "favouring":
                favoured = [n.hotkey for n in miners if self._miners[n.hotkey].title == validator.group.favours]
                return weight_vector(dict.fromkeys(favoured, 1.0), view)
            case "copying":
                return weight_vector({row.hotkey: row.consensus_u16 / _U16_MAX for row in graph.rows}, view)
        self._judge(validator, miners, graph.height)
        return weight_vector(self._subnet.weigh(validator.book, view), view)

    def _judge(self, validator: _Validator, miners: list[Neuron], height: Height) -> None:
        """A tempo's challenges of one validator."""
        spec = self._subnet.spec
        for number in range(max(1, self._mix.tempo_blocks // spec.challenge_blocks)):
            seed = digest("lab-round", validator.key.public, height.to_bytes(8, "big"), number.to_bytes(8, "big"))
            for hotkey in choose_targets(miners, validator.book, seed, spec.sample):
                verdict = self._verdict(self._miners[hotkey], validator.chance)
                judged = Judged(seed, "challenge", height, verdict, Usage(), 0, 0)
                validator.book.record(hotkey, verdict, height, judged)
                self._verdicts += 1

    def _verdict(self, group: MinerGroup, chance: random.Random) -> Verdict:
        if group.score is None:
            return chance.choice(self._outcomes[group.way])
        if chance.random() < group.fails:
            return Verdict(0.0, Code.TIMEOUT)
        return Verdict(min(max(group.score + chance.uniform(-group.spread, group.spread), 0.0), 1.0), Code.OK)

    def _signed(self, key: Ed25519Signer, vector: WeightVector) -> bytes:
        return sign_transaction(
            key, SetWeights(NETUID, vector.uids, vector.values, 0),
            nonce=queries.nonce(self._state.view, key.public), birth_height=self._state.height,
            birth_hash=self._state.hash, genesis_hash=self._genesis_hash,
        )  # fmt: skip

    def _pay_day(self) -> None:
        self._last = queries.metagraph(self._state.view, NETUID).rows
        for row in self._last:
            self._earned[row.hotkey] = self._earned.get(row.hotkey, 0) + row.emission_alpha

    # --- results ----------------------------------------------------------------------------------------------------

    def _results(self) -> tuple[tuple[GroupResult, ...], tuple[GroupResult, ...]]:
        mix = self._mix
        hotkeys = {group.title: [k for k, g in self._miners.items() if g is group] for group in mix.miners}
        miners = self._side(hotkeys, {group.title: 1 for group in mix.miners}, _title_of_honest(mix.miners))
        staked = {f"{group.title} {n}": group for n, group in enumerate(mix.validators, 1)}
        keys = {title: [v.key.public for v in self._validators if v.group is group] for title, group in staked.items()}
        stakes = {title: group.stake_tao for title, group in staked.items()}
        honest = next((title for title, group in staked.items() if group.way == "honest"), "")
        return miners, self._side(keys, stakes, honest)

    def _side(
        self, hotkeys: Mapping[str, list[AccountId]], stake: Mapping[str, int], honest: str
    ) -> tuple[GroupResult, ...]:
        earned = {title: sum(self._earned.get(key, 0) for key in keys) for title, keys in hotkeys.items()}
        total = sum(earned.values())
        usual = earned[honest] / len(hotkeys[honest]) / stake[honest] if honest else 0.0
        trust = {row.hotkey: row.validator_trust_u16 / _U16_MAX for row in self._last}
        return tuple(
            GroupResult(
                title, len(keys), earned[title], earned[title] / total if total else 0.0,
                earned[title] / len(keys) / self._mix.epochs,
                earned[title] / len(keys) / stake[title] / usual if usual else 0.0,
                sum(trust.get(key, 0.0) for key in keys) / len(keys),
            )
            for title, keys in hotkeys.items()
        )  # fmt: skip


def _members(groups: Sequence[G]) -> list[tuple[int, int, G]]:
    """(number of the group, number in it, group) of every member."""
    return [(g, n, group) for g, group in enumerate(groups) for n in range(group.count)]


def _title_of_honest(groups: Sequence[MinerGroup]) -> str:
    return next((group.title for group in groups if group.way == "honest" and group.score is None), groups[0].title)


def _trusting(public: bytes, message: bytes, signature: bytes) -> bool:
    return True
