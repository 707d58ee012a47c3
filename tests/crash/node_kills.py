"""kill -9 of whole nodes: a devnet of real daemons under transfers, whose authorities die at random moments.

    python -m tests.crash.node_kills --cycles 500 [--authorities 4] [--slot-ms 500] [--seed 1] [--keep FOLDER]

One cycle kills one daemon, often while it starts, looks at what it left and starts it again. What must hold each time:

- no finalised block is lost: every height and hash that the node has called final is in its store;
- what is stored is whole: the file's structure, and the state's rows give the root of the final header;
- no two nodes ever call different blocks final at one height;
- nothing is signed twice: a listener on the gossip topics compares every header, proposal and vote, across restarts,
  and no node's log has found two signatures of one authority where an honest one gives one.

At the end all nodes must finalise new blocks. It needs a machine that starts a daemon within a minute.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import trio

from node.consensus.certificate import Certificate
from node.consensus.messages import decode_message
from node.consensus.votes import Vote
from node.control import launcher
from node.control.api import AccountRequest, TxContextRequest, TxSubmitRequest
from node.control.client_sync import SyncClient
from node.control.options import DaemonConfig, DevnetOptions
from node.control.paths import log_path
from node.control.schema import NodeStatus
from node.control.wallets import wallet_store
from node.ledger import merkle
from node.ledger.calls import Transfer
from node.ledger.header import Header, decode_header, header_hash
from node.ledger.transaction import sign_transaction
from node.primitives.errors import NodeError
from node.primitives.types import Hash, Height, Rao
from node.service import devnet
from node.service.devnet import Devnet
from node.service.gossip import Gossip, decode_news, header_of
from p2p import HostConfig, Network, Verdict, open_host
from storage import ChainStore

LIFE_S_MAX: Final = 1.5  # from being ready to the kill
START_LIFE_S: Final = (0.3, 2.5)  # from the start of the process to a kill while it starts
START_KILL_SHARE: Final = 0.25  # of all kills
TRANSFERS_PER_CYCLE: Final = 3
GOES_ON_S: Final = 90.0
GOES_ON_BLOCKS: Final = 3
POLL_S: Final = 0.05
DOUBLE_SIGNED: Final = "signed twice"  # what a node's log says when its engine finds evidence


@dataclass
class Findings:
    """What was seen, and everything that must not be."""

    cycles: int = 0
    kills_while_starting: int = 0
    transfers: int = 0
    final_height: int = 0
    signed: dict[tuple[object, ...], bytes] = field(default_factory=dict)
    """What stands at each place where an honest authority signs once."""
    final: dict[int, str] = field(default_factory=dict)
    """The hash that was first called final at each height."""
    wrong: list[str] = field(default_factory=list)

    def note_signed(self, place: tuple[object, ...], what: bytes) -> None:
        """Compare one signed statement with what was seen at its place."""
        if self.signed.setdefault(place, what) != what:
            self.wrong.append(f"signed twice: {place}")

    def note_final(self, who: str, height: int, block_hash: str) -> None:
        """Compare what a node calls final with what others did."""
        if self.final.setdefault(height, block_hash) != block_hash:
            self.wrong.append(f"{who} has another final block at height {height}")
        self.final_height = max(self.final_height, height)


class Listener:
    """Hears all headers, proposals and votes of the network, whatever becomes of them."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def on_block(self, peer_id: str, data: bytes) -> Verdict:
        """One message of the topic of blocks."""
        with suppress(NodeError):
            self.hear_header(header_of(decode_news(data)))
        return Verdict.ACCEPT

    def hear_header(self, header: Header) -> None:
        """A producer's seal."""
        self._findings.note_signed(("block", header.proposer.hex(), header.slot), header_hash(header))

    def on_finality(self, peer_id: str, data: bytes) -> Verdict:
        """One message of the topic of votes."""
        with suppress(NodeError):
            message = decode_message(data)
            if isinstance(message, Vote):
                place = ("vote", message.voter.hex(), message.instance, message.round, int(message.step))
                self._findings.note_signed(place, message.block_hash)
            elif not isinstance(message, Certificate):
                proposed = ("proposal", message.proposer.hex(), message.instance, message.round)
                self._findings.note_signed(proposed, message.block_hash)
        return Verdict.ACCEPT

    async def run(self, network: Network, genesis_hash: Hash, addresses: tuple[str, ...]) -> None:
        """Listen, and dial again whoever came back."""
        topics = Gossip(network, genesis_hash)
        blocks = network.subscribe(topics.blocks_topic, self.on_block)
        votes = network.subscribe(topics.finality_topic, self.on_finality, capacity=1024)
        async with blocks, votes, trio.open_nursery() as nursery:
            nursery.start_soon(_drain, blocks)
            nursery.start_soon(_drain, votes)
            while True:
                known = {peer.peer_id for peer in network.peers()}
                for address in addresses:
                    if address.rpartition("/")[2] not in known:
                        with suppress(Exception):  # it is down; the next round tries again
                            await network.dial(address)
                await trio.sleep(0.2)


async def _drain(messages: trio.MemoryReceiveChannel[object]) -> None:
    async for _ in messages:
        pass


def check_left(home: Path, scratch: Path, finalised: tuple[int, str]) -> Iterator[str]:
    """What is wrong with the chain database that a killed node left; looks at a copy, recovery is the node's.

    `finalised` is the last (height, hash) that the node called final.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    for path in (home / "chain.db", home / "chain.db-wal"):
        if path.exists():
            shutil.copy(path, scratch / path.name)
    height, block_hash = finalised
    with ChainStore.open(scratch / "chain.db") as store:
        store.integrity_check()
        tip = store.tip()
        if tip is None or tip.height < height:
            yield f"height {height} was final, the store ends at {None if tip is None else tip.height}"
            return
        stored = store.hash_at(height)
        if stored is None or stored.hex() != block_hash:
            yield f"the final block at height {height} is another one in the store"
        row = store.block(tip.hash)
        if row is None:
            yield f"the final block at height {tip.height} is missing"
            return
        tree = merkle.build((Hash(path), value) for path, value in store.state_rows())
        if merkle.root_hash(tree) != decode_header(row.header).state_root:
            yield f"the rows do not have the state root of height {tip.height}"


class Campaign:
    """One devnet and what is done to it."""

    def __init__(self, folder: Path, authorities: int, slot_ms: int, seed: int) -> None:
        self.findings = Findings()
        self.chance = random.Random(seed)
        self._folder = folder
        options = DevnetOptions(folder / "net", nodes=authorities, authorities=authorities, slot_ms=slot_ms)
        self.net: Devnet = devnet.found(options, lambda step: None)
        self.configs: list[DaemonConfig] = [
            replace(devnet.node_config(self.net, entry, folder), role="staker", gateway_port=None, mdns=False)
            for entry in self.net.file.nodes
        ]
        self._called_final: dict[Path, tuple[int, str]] = {}

    async def run(self, cycles: int, say: Callable[[str], None]) -> Findings:
        """Kill `cycles` times. The findings' `wrong` is empty if all held."""
        addresses = tuple(
            f"/ip4/127.0.0.1/tcp/{entry.port}/p2p/{entry.peer_id}" for entry in self.net.file.nodes
        )  # fmt: skip
        host = HostConfig(identity_path=self._folder / "listener.key", agent="listener")
        try:
            for config in self.configs:
                await trio.to_thread.run_sync(self._start, config)
            async with open_host(host) as network, trio.open_nursery() as nursery:
                genesis_hash = Hash(bytes.fromhex(self.net.file.genesis_hash))
                nursery.start_soon(Listener(self.findings).run, network, genesis_hash, addresses)
                await trio.to_thread.run_sync(devnet.wait_for_finality, self.net, lambda step: None)
                while self.findings.cycles < cycles:
                    await self._cycle()
                    say(self.report())
                await self._goes_on()
                nursery.cancel_scope.cancel()
        finally:
            for config in self.configs:
                with trio.CancelScope(shield=True):
                    await trio.to_thread.run_sync(_stop, config.home)
        self._read_logs()
        return self.findings

    def report(self) -> str:
        """One line about the state of things."""
        found = self.findings
        return (
            f"cycle {found.cycles} ({found.kills_while_starting} while starting): final {found.final_height}, "
            f"{len(found.signed)} signed places heard, {found.transfers} transfers, {len(found.wrong)} wrong"
        )

    async def _cycle(self) -> None:
        config = self.chance.choice(self.configs)
        await trio.to_thread.run_sync(self._send_transfers, config.home)
        alive_until = time.monotonic() + self.chance.uniform(0, LIFE_S_MAX)
        pid = await self._pid(config)
        while time.monotonic() < alive_until:
            await self._note(config)
            await trio.sleep(POLL_S)
        os.kill(pid, signal.SIGKILL)
        await trio.to_thread.run_sync(_gone, pid)
        await self._check(config)
        if self.chance.random() < START_KILL_SHARE:
            process = _spawn(config)
            await trio.sleep(self.chance.uniform(*START_LIFE_S))
            process.kill()
            process.wait()
            self.findings.kills_while_starting += 1
            await self._check(config)
        await trio.to_thread.run_sync(self._start, config)

    async def _check(self, config: DaemonConfig) -> None:
        finalised = self._called_final.get(config.home, (0, self.net.file.genesis_hash))

        def check() -> list[str]:
            return list(check_left(config.home, self._folder / "left", finalised))

        self.findings.wrong += [
            f"{config.home.name}: {each}" for each in await trio.to_thread.run_sync(check)
        ]  # fmt: skip
        self.findings.cycles += 1

    async def _note(self, config: DaemonConfig) -> NodeStatus | None:
        seen = await trio.to_thread.run_sync(devnet.ask_status, config.home)
        if seen is not None:
            before = self._called_final.get(config.home, (0, ""))
            if seen.finalized_height < before[0]:
                self.findings.wrong.append(f"{config.home.name} went back from final height {before[0]}")
            self._called_final[config.home] = (seen.finalized_height, seen.finalized_hash)
            self.findings.note_final(config.home.name, seen.finalized_height, seen.finalized_hash)
        return seen

    async def _pid(self, config: DaemonConfig) -> int:
        with trio.fail_after(GOES_ON_S):
            while (seen := await self._note(config)) is None:
                await trio.sleep(POLL_S)
        return seen.pid

    def _send_transfers(self, home: Path) -> None:
        """A few transfers of the node's own wallet; what is lost with the node is signed again with its nonce."""
        wallet = wallet_store(home).open("default")
        with suppress(NodeError), SyncClient(home) as client:
            context = client.call(TxContextRequest())
            signer = wallet.unlock(None)
            for _ in range(TRANSFERS_PER_CYCLE):
                raw = sign_transaction(
                    signer, Transfer(wallet.hotkey().public, Rao(10**6)),
                    nonce=client.call(AccountRequest(wallet.address)).nonce,
                    birth_height=Height(context.era_height), birth_hash=Hash(bytes.fromhex(context.era_hash)),
                    genesis_hash=Hash(bytes.fromhex(context.genesis_hash)),
                )  # fmt: skip
                client.call(TxSubmitRequest(raw))
                self.findings.transfers += 1

    async def _goes_on(self) -> None:
        """Every node finalises new blocks."""
        goal = self.findings.final_height + GOES_ON_BLOCKS
        with trio.move_on_after(GOES_ON_S) as patience:
            for config in self.configs:
                while (seen := await self._note(config)) is None or seen.finalized_height < goal:
                    await trio.sleep(POLL_S)
        if patience.cancelled_caught:
            self.findings.wrong.append(f"not every node finalised height {goal} within {GOES_ON_S:.0f} s")

    def _start(self, config: DaemonConfig) -> None:
        try:
            launcher.start(config, lambda step: None)
        except NodeError as error:
            self.findings.wrong.append(f"{config.home.name} did not start again: {error.message}")

    def _read_logs(self) -> None:
        for config in self.configs:
            log = log_path(config.home).read_text(errors="replace")
            self.findings.wrong += [line for line in log.splitlines() if DOUBLE_SIGNED in line]


def _spawn(config: DaemonConfig) -> subprocess.Popen[bytes]:
    with log_path(config.home).open("ab") as output:
        return subprocess.Popen(
            [*launcher.neurond_command(), *launcher.daemon_arguments(config)],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip


def _stop(home: Path) -> None:
    with suppress(NodeError):
        launcher.stop(home, lambda step: None, drain=False)


def _gone(pid: int) -> None:
    """Wait for a killed process; this one may be its parent."""
    give_up_s = time.monotonic() + GOES_ON_S
    while time.monotonic() < give_up_s:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
    else:
        with tempfile.TemporaryDirectory() as made:
            yield Path(made)


def main() -> int:
    """Run and report; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description="Kill whole nodes and look at what they left.")
    parser.add_argument("--cycles", type=int, default=20)
    parser.add_argument("--authorities", type=int, default=4)
    parser.add_argument("--slot-ms", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder for the devnet that stays; a temporary one otherwise")
    arguments = parser.parse_args()
    with _folder(arguments.keep) as folder:
        campaign = Campaign(folder, arguments.authorities, arguments.slot_ms, arguments.seed)
        found = trio.run(campaign.run, arguments.cycles, lambda line: print(line, flush=True))
    print(campaign.report())
    for each in found.wrong:
        print(f"WRONG: {each}")
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
