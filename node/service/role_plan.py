"""What switching a role takes, told before anything happens: requirements, transactions, services, draining."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from models import ModelError, find_entry
from models.ensure import is_there
from node.control.amounts import format_amount
from node.control.schema import PlannedTransaction, Requirement, Role, RolePlan
from node.ledger import calls, queries
from node.ledger.queries import Metagraph, NeuronRow
from node.ledger.transaction import Era, Transaction
from node.primitives.address import to_ss58
from node.primitives.codec import encode
from node.primitives.types import SIGNATURE_BYTES, AccountId, Height, NetUid, Rao
from node.service.chain import Chain
from node.service.keys import Keys
from node.service.model_store import ChosenModel
from node.service.services import DRAIN_S, Services

_STAKE_MARGIN_PERCENT: Final = 102  # the pool's fee and price impact eat a little of what is staked
_SERVICES: Final[dict[Role, str]] = {
    "miner": "answers challenges and users",
    "validator": "draws challenges, judges answers, sets weights",
}


def services_of(role: Role, netuids: Sequence[NetUid]) -> tuple[str, ...]:
    """Return what runs while a node plays a role in these subnets, in words."""
    if role == "staker":
        return ()
    return (*(f"{role} in subnet {netuid}: {_SERVICES[role]}" for netuid in netuids), "model session")


class Planner:
    """Makes role plans from the chain's head."""

    def __init__(self, chain: Chain, services: Services, keys: Keys, model: ChosenModel, model_store: Path) -> None:
        self._chain = chain
        self._services = services
        self._keys = keys
        self._model = model
        self._store = model_store

    def plan(self, target: Role, netuids: Sequence[NetUid] = ()) -> RolePlan:
        """Return the plan for `target` in the subnets, by default those of the last choice; nothing changes."""
        requirements: list[Requirement] = []
        transactions: list[PlannedTransaction] = []
        places: tuple[NetUid, ...] = ()
        if target != "staker":
            places = self._services.netuids(netuids)
            requirements.append(self._key_requirement())
            requirements.append(self._model_requirement())
            hotkey = self._keys.hotkey_account
            if hotkey is not None and self._keys.coldkey is not None:
                for netuid in places:
                    requirements += self._seat(target, netuid, hotkey, transactions)
                requirements.append(self._funds(transactions))
        current, running = self._services.role, self._services.places()
        same = current == target and set(running) == set(places)
        return RolePlan(
            current=current,
            target=target,
            possible=all(each.met for each in requirements),
            requirements=tuple(requirements),
            transactions=tuple(transactions),
            stop=() if same else services_of(current, running),
            start=() if same else services_of(target, places),
            drain_s=0.0 if same or current == "staker" else DRAIN_S,
            netuids=places,
        )

    def _seat(
        self, target: Role, netuid: NetUid, hotkey: AccountId, transactions: list[PlannedTransaction]
    ) -> list[Requirement]:
        """What a seat in one subnet takes: a registration, and stake for a validator."""
        graph = queries.metagraph(self._chain.head.executed.state.view, netuid)
        row = next((row for row in graph.rows if row.hotkey == hotkey), None)
        if row is None:
            transactions.append(self._registration(graph, hotkey))
        return self._stake(graph, row, hotkey, transactions) if target == "validator" else []

    def _key_requirement(self) -> Requirement:
        hotkey = self._keys.hotkey_account
        return Requirement(
            "hotkey",
            hotkey is not None,
            "none" if hotkey is None else to_ss58(hotkey),
            "a hotkey that the node can sign with",
            "" if hotkey else "Make a wallet with `neurond wallet create`, then start the node again.",
        )

    def _model_requirement(self) -> Requirement:
        name, bundle = self._model.name, self._model.bundle
        if bundle is not None:
            return Requirement("model", bundle.is_dir(), str(bundle), f"the folder of the model {name}")
        try:
            entry = find_entry(name)
        except ModelError as error:
            return Requirement("model", False, name, "a model of the catalogue", str(error))
        ready = is_there(name, self._store)  # it is hashed when it is opened
        size = f"{entry.size_bytes / 1e6:.0f} MB"
        return Requirement("model", True, "in the store" if ready else f"fetched at the start ({size})", name)

    def _registration(self, graph: Metagraph, hotkey: AccountId) -> PlannedTransaction:
        call = calls.BurnedRegister(graph.netuid, hotkey)
        label = f"register on subnet {graph.netuid}"
        return PlannedTransaction(label, encode(call), "coldkey", self._fee(call), graph.subnet.burn_rao)

    def _stake(
        self, graph: Metagraph, row: NeuronRow | None, hotkey: AccountId, transactions: list[PlannedTransaction]
    ) -> list[Requirement]:
        """Stake weight below the threshold is bought with the coldkey's τ where it has enough."""
        need = queries.parameters(self._chain.head.executed.state.view).stake_threshold_rao
        have = 0 if row is None else row.stake_weight_rao
        met = have >= need
        if not met:
            missing = Rao((need - have) * graph.subnet.price_rao // 10**9 * _STAKE_MARGIN_PERCENT // 100)
            call = calls.AddStake(hotkey, graph.netuid, missing)
            label = f"stake {format_amount(missing)} on subnet {graph.netuid}"
            transactions.append(PlannedTransaction(label, encode(call), "coldkey", self._fee(call), missing))
        note = format_amount(have, "α") if met else f"{format_amount(have, 'α')}, the rest is staked with this switch"
        return [Requirement(f"stake weight in subnet {graph.netuid}", True, note, format_amount(need, "α"))]

    def _funds(self, transactions: list[PlannedTransaction]) -> Requirement:
        coldkey = self._keys.coldkey
        have = 0 if coldkey is None else queries.balance(self._chain.head.executed.state.view, coldkey)
        need = sum(each.cost_rao + each.fee_rao for each in transactions)
        remedy = "" if have >= need else "Send τ to the coldkey, or ask somebody to stake to your hotkey."
        return Requirement("balance", have >= need, format_amount(have), format_amount(need), remedy)

    def _fee(self, call: calls.Call) -> Rao:
        sender = self._keys.coldkey or AccountId(bytes(32))
        state = self._chain.head.executed.state
        era = Era(Height(state.height), 64)
        nonce = self._chain.transactions.next_nonce(sender)
        unsigned = Transaction(1, sender, nonce, era, Rao(0), call, 0, bytes(SIGNATURE_BYTES))
        return queries.fee_of(state.view, len(encode(unsigned)))
