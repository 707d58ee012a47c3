"""A running node: opens everything in order, keeps it in one nursery, and stops it in order.

    control socket → network → genesis → stores → chain, gossip, sync → gateway → role

The control socket is first, so that whoever started the node can watch it start; everything else hangs below it. A
failure of the store, the network or a defect ends the node; a failure of a role ends the role.
"""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import trio

from models import Progress as ModelProgress
from node.compute import parse_backend
from node.consensus.slots import SlotClock
from node.control.hub import Hub
from node.control.options import DaemonConfig
from node.control.schema import NodeState
from node.control.server import ControlServer
from node.ledger.genesis import parse_genesis
from node.primitives.codec import build_decoders
from node.primitives.limits import GENESIS_BYTES_MAX
from node.primitives.types import Hash, NetUid
from node.service.anchor import open_chain
from node.service.api import NodeApi
from node.service.beginning import Beginning, begin_with_snapshot
from node.service.chain import Chain, now_ms
from node.service.clock_offset import serve_time
from node.service.duties import Duties
from node.service.earnings import EarningsBook
from node.service.errors import NoGenesis, Unknown
from node.service.genesis_exchange import check_genesis, fetch_genesis, serve_genesis
from node.service.gossip import Gossip
from node.service.home import Home, settings_from, write_atomically
from node.service.jobs import Jobs, Report
from node.service.keeper import Keeper, keeping_of
from node.service.keys import Keys, open_keys
from node.service.logbook import Logbook, logger
from node.service.model_peers import ModelPeers
from node.service.model_store import ChosenModel, shared_model_store
from node.service.notify import tell_manager
from node.service.payments import PaymentBook
from node.service.payments_cashier import Cashier
from node.service.prices import PriceBook, keep_prices
from node.service.reader import Reader
from node.service.role_plan import Planner
from node.service.roles.blobs import BlobShelf, PeerBlobs
from node.service.roles.host import ModelHost
from node.service.roles.offering import TermsBook
from node.service.services import Services
from node.service.signer import GuardedSigner
from node.service.silence import Silence
from node.service.snapshot_sync import SnapshotSync
from node.service.stranded import Stranded, way_of
from node.service.syncer import Syncer
from node.service.telling import LagMeter, tell_status
from node.service.trust import Trust, begin_trust, checkpoint_of
from node.service.web import open_gateway
from node.subnets.registry import known_subnets
from node.version import __version__
from p2p import HostConfig, Network, open_host
from p2p.mdns import Lan, find_on_lan, lan_interfaces
from storage import JournalStore, MarketStore
from storage.chain import ChainStore
from storage.signing import SignGuard

log = logger("node")
TAG_DIGITS: Final = 16  # of the genesis hash: nodes of several networks share one wire
AGENT: Final = f"neurond/{__version__}"


@dataclass
class Running:
    """Everything of a node that is up; what the API reads."""

    network: Network
    chain: Chain
    reader: Reader
    syncer: Syncer
    stranded: Stranded
    keeper: Keeper
    keys: Keys
    services: Services
    planner: Planner
    models: ModelHost
    model_peers: ModelPeers
    jobs: Jobs
    market: MarketStore
    earnings: EarningsBook | None
    prices: PriceBook
    cashier: Cashier | None = None
    gateway_url: str | None = None
    lan: Lan = field(default_factory=Lan)
    lag: LagMeter = field(default_factory=LagMeter)

    @property
    def netuid(self) -> NetUid | None:
        """The first subnet this node works in, None where the network has none that it knows."""
        return first_subnet(self.services)


class Node:
    """One node from start to stop."""

    def __init__(self, config: DaemonConfig, log_book: Logbook) -> None:
        self.config = config
        self.home = Home(config.home)
        self.keeping = keeping_of(config)
        self.model = ChosenModel.of(config.model)
        self.checkpoint = checkpoint_of(config)
        self.trust: Trust | None = None
        self.guard: SignGuard | None = None
        self.beginning: Beginning | None = None
        self.log_book = log_book
        self.hub = Hub(log_book.page, now_ms)
        self.state: NodeState = "starting"
        self.phase = "opening the control socket"
        self.running: Running | None = None
        self.stop = trio.Event()
        self.begin_again = trio.Event()
        self.drain = True
        self.started_s = time.monotonic()

    async def run(self) -> None:
        """Run until `stop` is set. Raises NodeError, StorageError or P2PError when the node cannot start or go on."""
        await trio.to_thread.run_sync(known_subnets)  # installed packages are looked for once, off the loop
        build_decoders()
        self.log_book.listen(self.hub.log_changed)
        server = ControlServer(NodeApi(self), self._report_defect)
        async with trio.open_nursery() as nursery:
            await nursery.start(server.run, self.home.path)
            while not self.stop.is_set():
                async with AsyncExitStack() as stack:
                    await self._open(stack)
                    self._enter("running", "")
                    await self._until_the_end()
                    await self._wind_down()
                    self.running = None  # before anything of it is closed
            nursery.cancel_scope.cancel()

    async def _until_the_end(self) -> None:
        """Wait until the node is to stop, or to open everything anew at a snapshot."""
        async with trio.open_nursery() as nursery:

            async def wait(event: trio.Event) -> None:
                await event.wait()
                nursery.cancel_scope.cancel()

            nursery.start_soon(wait, self.stop)
            nursery.start_soon(wait, self.begin_again)

    def _enter(self, state: NodeState, phase: str) -> None:
        self.state, self.phase = state, phase
        tell_manager(state, phase)
        log.info("%s", phase or state)

    def _report_defect(self, error: Exception) -> None:
        log.error("a request to the control socket failed by a defect", exc_info=error)

    # --- opening ----------------------------------------------------------------------------------------------------

    async def _open(self, stack: AsyncExitStack) -> None:
        config, home = self.config, self.home
        self._enter("starting", "joining the network")
        host = HostConfig(
            identity_path=home.identity, listen=config.listen, bootstrap=config.bootstrap, peers_path=home.peers,
            agent=AGENT,
        )  # fmt: skip
        network = await stack.enter_async_context(open_host(host))
        self._enter("starting", "reading the genesis")
        genesis = await self._genesis(network)
        serve_genesis(network, genesis)
        serve_time(network)
        self._enter("starting", "opening the chain")
        keys = open_keys(home, config.wallet, config.hotkey)
        chain, gossip = await self._open_chain(stack, network, genesis, keys)
        network.take_part(chain.genesis_hash.hex()[:TAG_DIGITS])
        market = stack.enter_context(MarketStore.open(home.market))
        book = stack.enter_context(closing(PaymentBook.open(home.payments)))
        nursery = await stack.enter_async_context(cancelled_nursery())
        syncer = Syncer(chain, network)
        await nursery.start(gossip.run, chain)
        await nursery.start(syncer.run)
        prices = await keep_prices(stack, nursery, chain, home.prices)
        await nursery.start(chain.run)
        keeper = Keeper(chain, self.keeping, home.snapshots)
        chain.shelf = keeper.shelf
        await nursery.start(keeper.run)
        journals = stack.enter_context(JournalStore.open(home.journals))
        running = self._assemble(network, chain, syncer, keeper, keys, market, journals, prices, nursery)
        if keys.hotkey is not None:
            running.cashier = await trio.to_thread.run_sync(Cashier, chain, running.reader, keys.hotkey, book)
            running.services.money = running.cashier.money
            nursery.start_soon(running.cashier.run)
        self.running = running
        stack.push_async_callback(running.models.aclose)
        if keys.hotkey is not None:
            nursery.start_soon(Duties(chain, running.reader, keys.hotkey).run)
        await running.services.begin()
        nursery.start_soon(running.stranded.run)
        nursery.start_soon(running.lag.run)
        nursery.start_soon(tell_status, self)
        if config.mdns:
            interfaces = lan_interfaces(network.addresses, listens=bool(config.listen))
            nursery.start_soon(find_on_lan, network, chain.genesis_hash.hex()[:TAG_DIGITS], interfaces, running.lan)
        if config.gateway_port is not None:
            self._enter("starting", "opening the gateway")
            await open_gateway(self, running, nursery)
        running.jobs.start("role", "take the role this node had", self._first_role)

    def _assemble(
        self,
        network: Network,
        chain: Chain,
        syncer: Syncer,
        keeper: Keeper,
        keys: Keys,
        market: MarketStore,
        journals: JournalStore,
        prices: PriceBook,
        nursery: trio.Nursery,
    ) -> Running:
        store = self.config.model_store or shared_model_store()
        shelf = BlobShelf(self.home.blobs)
        model_peers = ModelPeers(network, store, nursery, also=shelf.lookup)
        models = ModelHost(
            store,
            own_bundles=self.model.own_bundles(),
            progress=self._model_progress,
            threads=self.config.model_threads,
            peer_fetch=model_peers.fetch,
        )
        reader = Reader(chain)
        services = self._services(
            network, chain, reader, keys, models, market, journals, PeerBlobs(shelf, model_peers.blobs), nursery
        )
        hotkey = keys.hotkey_account
        return Running(
            network=network,
            chain=chain,
            reader=reader,
            syncer=syncer,
            stranded=self._watch(network, chain, syncer),
            keeper=keeper,
            keys=keys,
            services=services,
            planner=Planner(chain, services, keys, self.model, store),
            models=models,
            model_peers=model_peers,
            jobs=Jobs(self.hub, nursery),
            market=market,
            earnings=None if hotkey is None else EarningsBook(chain, hotkey),
            prices=prices,
        )

    def _services(
        self, network: Network, chain: Chain, reader: Reader, keys: Keys, models: ModelHost, market: MarketStore,
        journals: JournalStore, blobs: PeerBlobs, nursery: trio.Nursery,
    ) -> Services:  # fmt: skip
        return Services(
            chain=chain,
            network=network,
            reader=reader,
            keys=keys,
            models=models,
            store=market,
            nursery=nursery,
            model=self.model.name,
            cheat=self.config.cheat,
            backend=parse_backend(self.config.backend),
            netuids=tuple(map(NetUid, self.config.netuids or self.home.settings_of_last_start().netuids)),
            folder=self.home.subnets,
            journals=journals,
            record=self.guard,
            terms=TermsBook(self.home.offers),
            blobs=blobs,
        )

    def _watch(self, network: Network, chain: Chain, syncer: Syncer) -> Stranded:
        way = way_of(self.config.sync, self.keeping.mode)
        snapshots = partial(SnapshotSync, network, chain.store, chain.spec, lambda _: None, self.checkpoint)
        return Stranded(syncer, snapshots, way, self.begin_again.set)

    async def _genesis(self, network: Network) -> bytes:
        config = self.config
        expected = None if config.genesis_hash is None else Hash(bytes.fromhex(config.genesis_hash))
        data = self.home.read_genesis()
        if data is None and config.genesis_path is not None:
            with config.genesis_path.open("rb") as file:
                data = file.read(GENESIS_BYTES_MAX + 1)
        if data is None and not config.bootstrap:
            raise NoGenesis(f"The home {self.home.path} belongs to no network yet.")
        if data is None:
            self._enter("starting", "asking for the genesis")
            data = await fetch_genesis(network, config.bootstrap, expected)
        check_genesis(data, expected)
        if not self.home.genesis.exists():
            write_atomically(self.home.genesis, data)
        return data

    async def _open_chain(
        self, stack: AsyncExitStack, network: Network, genesis: bytes, keys: Keys
    ) -> tuple[Chain, Gossip]:
        spec = parse_genesis(genesis)
        may_sign = keys.hotkey is not None  # any hotkey may become an authority or, under proof of stake, a validator
        store = ChainStore.open(
            self.home.chain, survives_power_loss=may_sign, bytes_max=self.keeping.database_bytes_max
        )  # fmt: skip
        stack.callback(store.close)
        self.trust = trust = await trio.to_thread.run_sync(begin_trust, store, spec, self.checkpoint, now_ms)
        await begin_with_snapshot(self, network, store, spec, keys)
        self._enter("starting", "opening the chain")
        opened = await trio.to_thread.run_sync(open_chain, store, spec)
        pen = silence = None
        if keys.hotkey is not None:
            self.guard = guard = SignGuard.open(self.home.signing, accept_copied_home=self.config.accept_copied_home)
            stack.callback(guard.close)
            clock = SlotClock(spec.start_ms, spec.slot_ms)
            reached = opened.anchor.header.slot
            silence = Silence(guard, spec.epoch_slots, lambda: clock.slot_at(now_ms()), reached)
            pen = GuardedSigner(keys.hotkey, guard, opened.genesis_hash, silence)
        gossip = Gossip(network, opened.genesis_hash)
        chain = Chain(
            store=store, opened=opened, spec=spec, pen=pen, publish=gossip.publish, penalise=network.report,
            checkpoint=self.checkpoint,
        )  # fmt: skip
        chain.on_final(trust.finalised)
        chain.transactions.publish = gossip.publish_transaction
        if pen is not None and silence is not None:
            chain.on_final(silence.watcher(pen.public, pen.sealed_slot))
        return chain, gossip

    async def _first_role(self, report: Report) -> str:
        running = self.running
        role = self.config.role or self.home.settings_of_last_start().role
        if running is None:
            return "the node stopped"
        self.home.remember(settings_from(self.config, role))
        await running.services.switch(role, report)
        return f"this node is a {role}"

    def _model_progress(self, progress: ModelProgress) -> None:
        """Called from worker threads; a line every now and then is enough."""
        if progress.total and progress.done not in (0, progress.total):
            return
        log.info("model: %s %d of %d %s", progress.stage, progress.done, progress.total, progress.unit)

    # --- stopping ---------------------------------------------------------------------------------------------------

    async def _wind_down(self) -> None:
        if self.stop.is_set():
            self._enter("stopping", "finishing its work" if self.drain else "stopping")
        else:
            self._enter("starting", "beginning again at a snapshot")
        running = self.running
        if running is not None and self.drain:
            await running.services.stop()
            if running.cashier is not None:
                await running.cashier.stop()


@asynccontextmanager
async def cancelled_nursery() -> AsyncIterator[trio.Nursery]:
    """A nursery whose tasks end with the block."""
    async with trio.open_nursery() as nursery:
        yield nursery
        nursery.cancel_scope.cancel()


def first_subnet(services: Services) -> NetUid | None:
    """Return the subnet this node works in, None where the network has none that it knows."""
    try:
        return services.netuid()
    except Unknown:
        return None
