"""Transfers that keep flowing while nodes die: signed by people with money, sent to whichever node runs.

What is lost with a node is not sent again; the next transfer takes the nonce that the asked node would give it.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.devnet import AMOUNT
from node.control.api import AccountRequest, TxContextRequest, TxSubmitRequest
from node.control.client_sync import SyncClient
from node.ledger.calls import Transfer
from node.ledger.transaction import sign_transaction
from node.primitives.address import to_ss58
from node.primitives.crypto import Ed25519Signer
from node.primitives.errors import NodeError
from node.primitives.types import Hash, Height


@dataclass
class Traffic:
    """Who sends, and what became of it: `taken` by a node's pool, `refused` by a node or lost with it."""

    people: Sequence[Ed25519Signer]
    chance: random.Random
    taken: int = 0
    refused: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def send(self, home: Path) -> None:
        """Send one transfer of one person to the node of `home`; blocks."""
        number = self.chance.randrange(len(self.people))
        person, to = self.people[number], self.people[(number + 1) % len(self.people)].public
        try:
            with SyncClient(home) as client:
                context = client.call(TxContextRequest())
                raw = sign_transaction(
                    person, Transfer(to, AMOUNT), nonce=client.call(AccountRequest(to_ss58(person.public))).nonce,
                    birth_height=Height(context.era_height), birth_hash=Hash(bytes.fromhex(context.era_hash)),
                    genesis_hash=Hash(bytes.fromhex(context.genesis_hash)),
                )  # fmt: skip
                client.call(TxSubmitRequest(raw))
            self.taken += 1
        except NodeError as error:
            self.refused += 1
            self.reasons[error.code] = self.reasons.get(error.code, 0) + 1

    def executed(self, home: Path) -> int:
        """How many transfers of all people are in the chain of a node that is at rest. Raises NodeError."""
        with SyncClient(home) as client:
            return sum(client.call(AccountRequest(to_ss58(person.public))).nonce for person in self.people)
