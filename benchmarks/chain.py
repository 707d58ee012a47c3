"""A chain to measure on: seeded keys, a genesis with many accounts and one subnet, signed transactions, blocks."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from node.ledger import merkle
from node.ledger.calls import AddStake, Call, RemoveStake, Transfer
from node.ledger.context import Context
from node.ledger.genesis import Balance, GenesisNeuron, GenesisSpec, GenesisStake, GenesisSubnet, genesis_state
from node.ledger.header import Header
from node.ledger.pallets import system
from node.ledger.state import DictView, Overlay
from node.ledger.transaction import sign_transaction
from node.ledger.transition import ChainState
from node.primitives.crypto import Ed25519Signer, digest
from node.primitives.types import AccountId, Alpha, Hash, Height, NetUid, Rao, Slot

TAO: Final = 10**9
SUBNET: Final = NetUid(1)
AMOUNT: Final = TAO // 100
COLD_VALUE: Final = bytes(12)  # as long as an account's row


def trusting(public: bytes, message: bytes, signature: bytes) -> bool:
    """A verifier for signatures that were checked before."""
    return True


def signer(name: str, number: int) -> Ed25519Signer:
    """The key that always belongs to this name and number."""
    return Ed25519Signer(digest("bench-key", name.encode(), number.to_bytes(8, "big")))


def cold_rows(count: int) -> dict[Hash, bytes]:
    """Rows that no transaction touches: what makes a state large."""
    chance = random.Random(1)
    return {Hash(chance.randbytes(32)): COLD_VALUE for _ in range(count)}


@dataclass(frozen=True)
class Start:
    """Block 0 of a chain and the state after it."""

    header: Header
    state: ChainState
    rows: dict[Hash, bytes]


class Town:
    """`people` funded accounts, each staked behind one of `hotkeys` hotkeys of a single subnet."""

    def __init__(self, people: int, hotkeys: int = 16) -> None:
        self.people = [signer("person", number) for number in range(people)]
        self.hotkeys = [signer("hotkey", number).public for number in range(hotkeys)]
        self.authority = signer("authority", 0)

    def start(self, cold: int = 0) -> Start:
        """Genesis, with `cold` rows more in the state."""
        header, state, rows = genesis_state(self.spec)
        if cold:
            rows = dict(sorted({**rows, **cold_rows(cold)}.items()))
            state = ChainState(state.height, state.slot, state.hash, DictView(rows), merkle.build(rows.items()))
        return Start(header, state, rows)

    @cached_property
    def spec(self) -> GenesisSpec:
        """The genesis spec."""
        owner = signer("owner", 0).public
        places = [(person.public, self._hotkey(number)) for number, person in enumerate(self.people)]
        return GenesisSpec(
            name="bench",
            start_ms=0,
            slot_ms=1000,
            authorities=(self.authority.public,),
            balances=tuple(Balance(account, Rao(100 * TAO)) for account, _ in places),
            subnets=(
                GenesisSubnet(
                    SUBNET, "bench", signer("owner-hotkey", 0).public, owner, Rao(100_000 * TAO),
                    Alpha(100_000 * TAO), neurons=tuple(GenesisNeuron(hotkey, owner) for hotkey in self.hotkeys),
                ),
            ),
            stakes=tuple(GenesisStake(account, hotkey, SUBNET, Alpha(100 * TAO)) for account, hotkey in places),
        )  # fmt: skip

    def transfers(self, count: int, nonce: int, parent: ChainState, genesis_hash: Hash) -> list[bytes]:
        """`count` signed transfers, each from somebody else to whoever chance names, all with this nonce."""
        chance = random.Random(nonce)
        calls = [Transfer(chance.choice(self.people).public, Rao(AMOUNT)) for _ in range(count)]
        return self._signed(calls, nonce, parent, genesis_hash)

    def stake_moves(self, count: int, nonce: int, parent: ChainState, genesis_hash: Hash) -> list[bytes]:
        """`count` signed calls that in turn add to and take from a position, one a person."""
        calls: list[Call] = [
            RemoveStake(self._hotkey(number), SUBNET, Alpha(AMOUNT))
            if number % 2
            else AddStake(self._hotkey(number), SUBNET, Rao(AMOUNT))
            for number in range(count)
        ]
        return self._signed(calls, nonce, parent, genesis_hash)

    def _hotkey(self, person: int) -> AccountId:
        return self.hotkeys[person % len(self.hotkeys)]

    def _signed(self, calls: Sequence[Call], nonce: int, parent: ChainState, genesis_hash: Hash) -> list[bytes]:
        return [
            sign_transaction(
                person, call, nonce=nonce, birth_height=parent.height, birth_hash=parent.hash,
                genesis_hash=genesis_hash,
            )
            for person, call in zip(self.people, calls, strict=False)
        ]  # fmt: skip


def open_block(parent: ChainState, producer: AccountId) -> Context:
    """The next block before its first transaction, without emission and epochs."""
    overlay, height = Overlay(parent.view), Height(parent.height + 1)
    system.begin_block(overlay, system.Clock(height, Slot(parent.slot + 1), producer), parent.hash)
    return Context(overlay, height, producer, system.PARAMETERS.get(overlay))
