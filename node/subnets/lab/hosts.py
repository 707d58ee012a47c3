"""Stand-ins for a node in the workbench: keys, seats, and a pool without models. Its hosts are in `world`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from models import ModelError
from node.primitives.crypto import Ed25519Signer, digest
from node.primitives.types import AccountId, Hash, Height, NetUid, Uid
from node.subnets.base import Neuron, View

VALIDATOR_STAKE_RAO: Final = 10**12


def key_of(name: str) -> Ed25519Signer:
    """The key that always belongs to this name."""
    return Ed25519Signer(digest("lab-key", name.encode()))


def view_of(netuid: NetUid, height: int, validator: AccountId, miners: Sequence[AccountId]) -> View:
    """A subnet of one validator and these miners."""
    seats = [Neuron(Uid(0), validator, validator, "lab", (), VALIDATOR_STAKE_RAO, True, Height(height))]
    seats += [Neuron(Uid(n), key, key, "lab", (), 0, False, Height(0)) for n, key in enumerate(miners, 1)]
    return View(netuid, Height(height), Hash(digest("lab-block", height.to_bytes(8, "big"))), tuple(seats))


class NoModels:
    """The pool of a subnet that names no model."""

    async def text(self, name: str) -> NoReturn:
        raise ModelError(f"The subnet asks for the model {name!r}, but its spec names no models.")

    async def bundle(self, name: str) -> NoReturn:
        await self.text(name)

    async def tensors(self, name: str) -> NoReturn:
        await self.text(name)

    async def tensor_file(self, path: Path) -> NoReturn:
        await self.text(path.name)

    async def embedder(self, name: str) -> NoReturn:
        await self.text(name)

    async def open(self, bundle: Path) -> NoReturn:
        await self.text(bundle.name)
