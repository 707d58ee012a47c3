"""The light client for programs and commands: blocking calls over a light node that runs in a thread of its own.

Every answer is proven under a certified header, or an error. It never executes blocks and never believes a full node.
"""

import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, Self, TypeVar

import trio

from node.control.light import (
    LightAt,
    LightBalance,
    LightMetagraph,
    LightNeuron,
    LightStake,
    LightStakes,
    LightStatus,
    LightSubnet,
)
from node.ledger import queries
from node.light.chain import Checkpoint
from node.light.readings import BalanceOf, MetagraphOf, NeuronOf, Reading, StakesOf, SubnetOf
from node.primitives.address import from_ss58, to_ss58
from node.primitives.types import Hash, NetUid, Uid
from node.service.errors import NoFullNode
from node.service.light_home import LightHome, format_checkpoint, join_settings, parse_checkpoint
from node.service.light_node import LightNode, Proven
from node.service.supervise import only_error
from node.service.views import metagraph_view, neuron_view, subnet_view
from node.version import __version__
from p2p import HostConfig, open_host
from storage.lock import FileLock

START_TIMEOUT_S: Final = 120.0  # a year of epochs is verified in a few seconds; the rest is the network

R = TypeVar("R")


class LightClient:
    """A light client of one network; use it as a context manager. Not for several threads.

    `peers` are invites or addresses of full nodes; none asks those of the last run. `checkpoint` is
    `HEIGHT:BLOCKHASH:SETHASH`; without one it begins at genesis. `genesis_hash` is 64 hex digits.
    """

    def __init__(
        self,
        home: Path,
        peers: Sequence[str] = (),
        *,
        genesis_hash: str | None = None,
        checkpoint: str | None = None,
    ) -> None:
        """Connect, verify the way to the newest epoch, and keep it in `home`.

        Raises:
            NoFullNode: nobody answers and proves.
            BadInvite, BadCheckpoint, BadLightState, BrokenFinality, StorageError.
        """
        self._home = LightHome(home)
        self._home.create()
        now_ms = time.time_ns() // 1_000_000
        self._settings = join_settings(self._home.settings(), tuple(peers), genesis_hash, now_ms)
        self._checkpoint = None if checkpoint is None else parse_checkpoint(checkpoint)
        self._lock = FileLock(self._home.lock)
        self._lock.acquire()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._token: trio.lowlevel.TrioToken | None = None
        self._stop: trio.Event | None = None
        self._node: LightNode | None = None
        self._thread = threading.Thread(target=self._run, name="light client", daemon=True)
        self._thread.start()
        if not self._ready.wait(START_TIMEOUT_S):
            self.close()
            raise NoFullNode(f"No full node led to the newest block within {START_TIMEOUT_S:.0f} s.")
        if self._failure is not None:
            self.close()
            raise self._failure

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the network; what was verified is kept. May be called again."""
        token, stop = self._token, self._stop
        if token is not None and stop is not None:
            try:
                token.run_sync_soon(stop.set)
            except trio.RunFinishedError:
                self._token = None  # it ended by itself
        self._thread.join(START_TIMEOUT_S)
        self._lock.release()

    # --- answers ------------------------------------------------------------------------------------------------------

    def status(self) -> LightStatus:
        """Return how far this client has followed. Raises NoFullNode, BrokenFinality, as every answer does."""
        proven, full_nodes = self._call(self._newest)
        node = self._running()
        trusted, info = node.chain.trusted, queries.chain_info(proven.view)
        current = queries.authority_set(proven.view)
        mark = Checkpoint(trusted.header.height, trusted.hash, trusted.authorities.hash)
        return LightStatus(
            network=info.name,
            genesis_hash=node.chain.genesis_hash.hex(),
            newest=_at(proven),
            trusted_height=trusted.header.height,
            trusted_hash=trusted.hash.hex(),
            set_id=current.set_id,
            set_hash=current.hash.hex(),
            authorities=len(current.members),
            full_nodes=full_nodes,
            checkpoint=format_checkpoint(mark),
            warnings=self.warnings(),
        )

    def warnings(self) -> tuple[str, ...]:
        """Return what a person should know before trusting this client, in sentences."""
        return tuple(self._running().warnings)

    def balance(self, address: str) -> LightBalance:
        """Return free τ and nonce of an ss58 address; 0 for an unknown one. Raises AddressError."""
        account = from_ss58(address)
        proven = self._read(BalanceOf(account))
        view = proven.view
        return LightBalance(_at(proven), address, queries.balance(view, account), queries.nonce(view, account))

    def stakes(self, address: str) -> LightStakes:
        """Return the positions of a coldkey. Raises AddressError."""
        coldkey = from_ss58(address)
        proven = self._read(StakesOf(coldkey))
        found = queries.stakes_of(proven.view, coldkey)
        stakes = tuple(LightStake(each.netuid, to_ss58(each.hotkey), each.alpha, each.value_rao) for each in found)
        return LightStakes(_at(proven), address, stakes, sum(each.value_rao for each in found))

    def subnet(self, netuid: int) -> LightSubnet:
        """Return one subnet. Raises SubnetNotExists."""
        proven = self._read(SubnetOf(NetUid(netuid)))
        return LightSubnet(_at(proven), subnet_view(queries.subnet(proven.view, NetUid(netuid))))

    def neuron(self, netuid: int, uid: int) -> LightNeuron:
        """Return one row of a metagraph. Raises SubnetNotExists."""
        proven = self._read(NeuronOf(NetUid(netuid), Uid(uid)))
        row = queries.neuron(proven.view, NetUid(netuid), Uid(uid))
        return LightNeuron(_at(proven), netuid, None if row is None else neuron_view(row))

    def metagraph(self, netuid: int) -> LightMetagraph:
        """Return all seats of a subnet. Raises SubnetNotExists."""
        proven = self._read(MetagraphOf(NetUid(netuid)))
        return LightMetagraph(_at(proven), metagraph_view(queries.metagraph(proven.view, NetUid(netuid))))

    # --- the thread ---------------------------------------------------------------------------------------------------

    def _read(self, reading: Reading) -> Proven:
        return self._call(lambda: self._running().read(reading))

    async def _newest(self) -> tuple[Proven, int]:
        node = self._running()
        await node.follow()
        return await node.read_clock(), node.peers

    def _running(self) -> LightNode:
        if self._node is None:
            raise NoFullNode("This light client was closed.")
        return self._node

    def _call(self, work: Callable[[], Awaitable[R]]) -> R:
        if self._token is None:
            raise NoFullNode("This light client was closed.")
        try:
            return trio.from_thread.run(work, trio_token=self._token)
        except trio.RunFinishedError as error:
            raise NoFullNode("This light client was closed.") from error

    def _run(self) -> None:
        try:
            trio.run(self._main)
        except BaseException as raised:
            self._failure = only_error(raised)
        finally:
            self._node = None
            self._ready.set()

    async def _main(self) -> None:
        self._token, self._stop = trio.lowlevel.current_trio_token(), trio.Event()
        settings = self._settings
        config = HostConfig(
            identity_path=self._home.identity,
            listen=(),
            bootstrap=settings.peers,
            peers_path=self._home.peers,
            agent=f"neurond-light/{__version__}",
        )
        async with open_host(config) as network:
            genesis = None if settings.genesis_hash is None else Hash(bytes.fromhex(settings.genesis_hash))
            node = LightNode(
                network, self._home.path, addresses=settings.peers, genesis_hash=genesis, checkpoint=self._checkpoint
            )
            await node.start()
            self._home.remember(type(settings)(settings.peers, node.chain.genesis_hash.hex()))
            self._node = node
            self._ready.set()
            await self._stop.wait()


def _at(proven: Proven) -> LightAt:
    header = proven.header
    return LightAt(header.height, proven.hash.hex(), header.state_root.hex(), proven.age_ms / 1000, proven.peer)
