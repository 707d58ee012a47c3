"""A devnet of real daemons for benchmarks: founded with many funded accounts, run without roles, stopped at the end.

The same homes, processes, sockets and stores as `neurond devnet up` makes; only the models are left out.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.chain import TAO, signer
from node.control import launcher
from node.control.options import DevnetOptions
from node.ledger.calls import Transfer
from node.ledger.genesis import Balance, format_genesis, genesis_state, parse_genesis
from node.ledger.transaction import sign_transaction
from node.primitives.crypto import Ed25519Signer
from node.primitives.limits import ERA_PERIOD_BLOCKS_MAX
from node.primitives.types import Hash, Height, Rao
from node.service import devnet
from node.service.devnet import Devnet
from storage import BlockRow, ChainStore

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
AMOUNT: Final = Rao(TAO // 1000)


@dataclass(frozen=True)
class Running:
    """A devnet that runs, and who has money on it."""

    net: Devnet
    genesis_hash: Hash
    people: tuple[Ed25519Signer, ...]
    pids: tuple[int, ...]

    @property
    def homes(self) -> list[Path]:
        """The nodes' homes."""
        return [self.net.home(entry) for entry in self.net.file.nodes]

    def transfers(self, rounds: int, first_nonce: int = 0) -> Iterator[bytes]:
        """Signed transfers, person after person, `rounds` times over; they live as long as transactions may."""
        for nonce in range(first_nonce, first_nonce + rounds):
            for number, person in enumerate(self.people):
                to = self.people[(number + 1) % len(self.people)].public
                yield sign_transaction(
                    person, Transfer(to, AMOUNT), nonce=nonce, birth_height=Height(0), birth_hash=self.genesis_hash,
                    genesis_hash=self.genesis_hash, period_blocks=ERA_PERIOD_BLOCKS_MAX,
                )  # fmt: skip

    def cpu_s(self) -> float | None:
        """CPU seconds of all daemons so far, where the system tells (Linux)."""
        try:
            words = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.pids]
        except OSError:
            return None
        return sum(int(each[11]) + int(each[12]) for each in words) / _TICKS_PER_S


@contextmanager
def running(folder: Path, *, authorities: int, slot_ms: int, people: int) -> Iterator[Running]:
    """Run `authorities` nodes under `folder` on loopback until the block ends."""
    net, genesis_hash, funded = founded(folder, authorities=authorities, slot_ms=slot_ms, people=people)
    configs = [
        replace(devnet.node_config(net, entry, folder), role="staker", gateway_port=None, mdns=False)
        for entry in net.file.nodes
    ]
    try:
        pids = tuple(launcher.start(config, lambda step: None).pid for config in configs)
        devnet.wait_for_finality(net, lambda step: None)
        yield Running(net, genesis_hash, funded, pids)
    finally:
        for config in configs:
            launcher.stop(config.home, lambda step: None, drain=False)


def finalised_blocks(home: Path) -> Sequence[BlockRow]:
    """All finalised blocks in a stopped node's store."""
    with closing(ChainStore.open(home / "chain.db")) as store:
        blocks: list[BlockRow] = []
        while batch := store.blocks_from(len(blocks), 128):
            blocks += batch
        return blocks


def founded(
    folder: Path, *, authorities: int, slot_ms: int, people: int, followers: int = 0
) -> tuple[Devnet, Hash, tuple[Ed25519Signer, ...]]:
    """Make the homes of a devnet, authorities first, and who has money on it: 1000 τ each; nothing runs yet."""
    funded = tuple(signer("devnet-person", number) for number in range(people))
    options = DevnetOptions(folder, nodes=authorities + followers, authorities=authorities, slot_ms=slot_ms)
    made = devnet.found(options, lambda step: None)
    first = made.home(made.file.nodes[0]) / "genesis.json"
    spec = parse_genesis(first.read_bytes())
    spec = replace(spec, balances=(*spec.balances, *(Balance(each.public, Rao(1000 * TAO)) for each in funded)))
    genesis_hash = genesis_state(spec)[1].hash
    for entry in made.file.nodes:
        (made.home(entry) / "genesis.json").write_bytes(format_genesis(spec))
    file = msgspec.structs.replace(made.file, genesis_hash=genesis_hash.hex())
    return Devnet(folder, file), genesis_hash, funded
