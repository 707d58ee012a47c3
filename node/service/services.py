"""The role a node plays now, in one subnet or several: a miner or validator service in each, or none for a staker.

Switching drains the old services before the new ones start; when a new one cannot start, the old ones return. The
front door for users' questions follows the role: a validator's routes by its own scores, others' by chance.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import trio

from node.compute import IN_PROCESS, Backend
from node.compute.pool import ComputePool, pool_for
from node.control.schema import Role
from node.ledger import queries
from node.ledger.state import StateView
from node.market.chain import view_of
from node.market.context import MarketContext
from node.market.errors import UnknownSubnet
from node.market.frontdoor import Exchange, FrontDoor, MarketDoor
from node.market.money import Money
from node.market.reasons import WhyAnswer
from node.market.record_desk import RecordDesk
from node.market.switchboard import Switchboard
from node.market.tasks import TaskLog, TaskView
from node.primitives.types import AccountId, Hash, NetUid
from node.service.chain import Chain, now_ms
from node.service.doors import AllDoors, ClosedDoor
from node.service.errors import NoKey, Unknown
from node.service.keys import Keys
from node.service.logbook import logger
from node.service.reader import Reader
from node.service.roles.blobs import PeerBlobs, SubnetBlobs
from node.service.roles.host import ModelHost, RoleHost
from node.service.roles.journal import receipt_row
from node.service.roles.miner import MinerRole
from node.service.roles.offering import Offering, TermsBook
from node.service.roles.post import DRAIN_S, Post, RoleService
from node.service.roles.seats import SeatBook
from node.service.roles.validator import ValidatorRole
from node.service.subnet_journals import SubnetJournals
from node.subnets.base import AnySubnet, Spec
from node.subnets.registry import cheat_names, name_of, open_subnet
from p2p import Network
from p2p.blobs import BlobProgress
from storage import JournalStore, MarketStore, ReceiptRow, SignGuard, StorageError

__all__ = ["DRAIN_S", "Services"]

CHALLENGE_BLOCKS_MIN: Final = 3
CHALLENGE_BLOCKS_MAX: Final = 25  # the interval of a public network; short tempos need several rounds each

log = logger("roles")


class Services:
    """Starts and stops roles in the node's nursery. Without `money` nothing is paid for, and nothing taken."""

    money: Money | None = None

    def __init__(
        self,
        *,
        chain: Chain,
        network: Network,
        reader: Reader,
        keys: Keys,
        models: ModelHost,
        store: MarketStore,
        nursery: trio.Nursery,
        model: str,
        cheat: str | None,
        backend: Backend = IN_PROCESS,
        netuids: Sequence[NetUid] = (),
        folder: Path = Path(),
        journals: JournalStore,
        record: SignGuard | None = None,
        terms: TermsBook,
        blobs: PeerBlobs,
    ) -> None:
        """`netuids` are the subnets to work in, () for the first known one; each gets a place below `folder`.

        `record` keeps the hotkey's journals from being signed twice, `terms` are the prices this node takes.
        """
        self._chain, self._network = chain, network
        self._reader = reader
        self._keys = keys
        self._models = models
        self._mining = pool_for(backend, models)
        self._store = store
        self._nursery = nursery
        self._model = model
        self._cheat = cheat
        self._chosen = tuple(netuids)
        self._folder = folder
        self._blobs = blobs
        self._switchboard = Switchboard(network)
        self.journals = SubnetJournals(
            network=network, doors=self._switchboard, chain=reader, store=journals, record=record, known=self.known,
            rules=self._subnet,
        )  # fmt: skip
        self.offering = Offering(reader, terms, self.mined, self.context)
        self._posts: dict[NetUid, Post] = {}
        self._known: tuple[Hash | None, Mapping[NetUid, str]] = (None, {})
        self._switching = trio.Lock()
        self._asked = TaskLog()  # questions asked through this node while it validates nothing itself
        self._visits: dict[NetUid, MarketDoor] = {}  # doors of subnets in which this node is a visitor
        self._closed: FrontDoor | None = ClosedDoor("This node is still starting.")
        self.role: Role = "staker"
        self._all_doors = AllDoors(self.doors)

    # --- what there is ----------------------------------------------------------------------------------------------

    def known(self) -> Mapping[NetUid, str]:
        """Return the subnets of this network that this build has rules for, and the names of those rules."""
        head = self._chain.head
        if self._known[0] != head.hash:  # asked for at every question and every status: read once a head
            self._known = (head.hash, known_on(head.executed.state.view))
        return self._known[1]

    def netuids(self, chosen: Sequence[NetUid] = ()) -> tuple[NetUid, ...]:
        """Return the subnets to work in: `chosen`, else those of the last choice, else the first. Raises Unknown."""
        known, wanted = self.known(), tuple(chosen) or self._chosen
        if not known:
            raise Unknown("This network has no subnet that this version of neurond knows.")
        for netuid in wanted:
            if netuid not in known:
                raise Unknown(
                    f"This network has no subnet {netuid} that this version of neurond has rules for.",
                    remedy=f"It has {', '.join(f'{each} ({name})' for each, name in known.items())}.",
                )
        return wanted or (next(iter(known)),)

    def netuid(self) -> NetUid:
        """Return the first of the subnets this node works in. Raises Unknown."""
        return self.netuids()[0]

    def places(self) -> tuple[NetUid, ...]:
        """Return the subnets in which a service runs now."""
        return tuple(self._posts)

    def fetching(self) -> Mapping[Hash, BlobProgress]:
        """How far each fetch of a large payload is that is under way."""
        return self._blobs.progress()

    def tasks(self) -> list[tuple[NetUid, TaskView]]:
        """Return the latest tasks of the running services and of this node's own questions, newest first."""
        found = [(netuid, task) for netuid, post in self._posts.items() for task in post.service.tasks()]
        here = self.netuid() if self.known() else NetUid(0)
        found += [(here, task) for task in self._asked.recent()]
        return sorted(found, key=lambda each: -each[1].created_at_ms)

    def rules(self, netuid: NetUid) -> AnySubnet:
        """Return the rules of a subnet as this network runs them, to be recounted by. Raises UnknownSubnet."""
        return self._subnet(netuid)

    def records(self, validator: AccountId, netuid: NetUid) -> RecordDesk | None:
        """Return the records of this node's own validator in a subnet; None where it is not the one."""
        post = self._posts.get(netuid)
        own = self._keys.hotkey_account == validator
        return post.service.records if own and post and isinstance(post.service, ValidatorRole) else None

    def why(self, netuid: NetUid, miner: AccountId) -> WhyAnswer | None:
        """Return what this node's own validator makes of a miner; None while it does not validate there."""
        post = self._posts.get(netuid)
        return post.service.why(miner) if post and isinstance(post.service, ValidatorRole) else None

    def counters(self) -> Mapping[str, int]:
        """Return what the running services and the journals did and refused, summed over subnets."""
        total: dict[str, int] = {}
        for post in self._posts.values():
            for name, count in post.service.counters().items():
                total[name] = total.get(name, 0) + count
        for name, count in self.journals.counters().items():
            total[name] = total.get(name, 0) + count
        return total

    def context(self, netuid: NetUid | None = None) -> MarketContext:
        """Return this node's place in a subnet, by default the first it works in. Raises NoKey or Unknown."""
        if self._keys.hotkey is None:
            raise NoKey("This node has no hotkey.")
        here = self.netuid() if netuid is None else netuid
        journals = self.journals.of(here)
        return MarketContext(
            self._network, self._switchboard, self._reader, here, self._keys.hotkey,
            journal=journals.door(self._keys.hotkey), blobs=self._blobs_of(here), offers=journals.offers,
            money=self.money, forged=journals.verdict_on,
        )  # fmt: skip

    def _blobs_of(self, netuid: NetUid) -> SubnetBlobs:
        return SubnetBlobs(self._blobs, self._network, lambda: view_of(self._reader, netuid))

    # --- front doors ------------------------------------------------------------------------------------------------

    @property
    def door(self) -> FrontDoor:
        """The one front door to all subnets; while nobody can be asked, one that says why."""
        if self._closed is not None:
            return self._closed
        if self._keys.hotkey is None:
            return ClosedDoor("This node has no hotkey.")
        return self._all_doors if self.known() else ClosedDoor("This network has no subnet that this node knows.")

    def doors(self) -> Mapping[NetUid, MarketDoor]:
        """Return the door to each known subnet: the own validator's where there is one, else a visitor's."""
        found: dict[NetUid, MarketDoor] = {}
        if self._closed is not None or self._keys.hotkey is None:
            return found
        for netuid in self.known():
            post = self._posts.get(netuid)
            if post is not None and isinstance(post.service, ValidatorRole):
                found[netuid] = post.service.door
                continue
            if netuid not in self._visits:
                self._visits[netuid] = self._visit(netuid)
            found[netuid] = self._visits[netuid]
        return found

    def _visit(self, netuid: NetUid) -> MarketDoor:
        context, subnet = self.context(netuid), self._subnet(netuid)
        host = RoleHost(context, subnet, self._models, folder=self._folder_of(subnet))
        finished = partial(self._keep_receipt, subnet)
        return MarketDoor(context, subnet, now_ms=now_ms, record=self._asked.put, finished=finished, host=host)

    def _keep_receipt(self, subnet: AnySubnet, exchange: Exchange) -> None:
        model, spent_rao = subnet.model_of(exchange.task), exchange.paid_rao
        row = receipt_row(exchange.receipt, kind="user", kept_at_ms=now_ms(), model=model, spent_rao=spent_rao)
        self._nursery.start_soon(self._write_receipt, row)

    async def _write_receipt(self, row: ReceiptRow) -> None:
        try:
            await trio.to_thread.run_sync(self._store.receipts.record, row)
        except StorageError as error:
            log.warning("a receipt could not be kept: %s", error)

    def _folder_of(self, subnet: AnySubnet) -> Path:
        folder = self._folder / subnet.spec.name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    async def begin(self) -> None:
        """Keep the journals of all known subnets, and this node's offers in them, whatever its role."""
        await self._nursery.start(self.journals.run)
        self._nursery.start_soon(self.offering.run)
        self._nursery.start_soon(SeatBook(self._reader, self._store.seats, lambda: tuple(self._posts)).run)

    # --- switching --------------------------------------------------------------------------------------------------

    async def switch(
        self, role: Role, say: Callable[[str], None] = lambda text: None, *, netuids: Sequence[NetUid] = ()
    ) -> None:
        """Stop what runs and start `role` in the subnets; on failure the old role runs again, the error is raised."""
        async with self._switching:
            before, places = self.role, tuple(self._posts)
            wanted = () if role == "staker" else self.netuids(netuids)
            if role == before and set(wanted) == set(places):
                self._closed = None
                return
            await self._stop(say)
            try:
                await self._start(role, wanted, say)
                self._chosen = tuple(netuids) or self._chosen
            except BaseException:
                if places:
                    say(f"going back to the role {before}")
                    await self._start(before, places, say)
                raise
            finally:
                self._closed = None

    async def stop(self) -> None:
        """Drain and stop the running services, at the node's end."""
        async with self._switching:
            await self._stop(lambda text: None)

    async def _start(self, role: Role, netuids: Sequence[NetUid], say: Callable[[str], None]) -> None:
        try:
            for netuid in netuids:
                say(f"starting the {role} in subnet {netuid}: opening its models")
                service = self._service(role, netuid)
                self._posts[netuid] = await Post.start(netuid, service, self._nursery, self._lost)
        except BaseException:
            with trio.CancelScope(shield=True):  # bounded: each drains at most DRAIN_S
                await self._stop(say)
            raise
        self.role = role
        log.info("this node is a %s now%s", role, f" in subnets {', '.join(map(str, netuids))}" if netuids else "")

    def _service(self, role: Role, netuid: NetUid) -> RoleService:
        context, subnet = self.context(netuid), self._subnet(netuid)
        make = MinerRole if role == "miner" else ValidatorRole
        models = self._mining if role == "miner" else self._models
        return make(context, subnet, models, now_ms=now_ms, store=self._store, folder=self._folder_of(subnet))

    async def _stop(self, say: Callable[[str], None]) -> None:
        posts, self._posts = self._posts, {}
        if self.role != "staker":
            self._closed = ClosedDoor("This node is changing its role.")
            say(f"draining the {self.role}")
        async with trio.open_nursery() as nursery:
            for post in posts.values():
                nursery.start_soon(post.stop)
        if isinstance(self._mining, ComputePool):
            await self._mining.aclose()
        self.role = "staker"

    def _lost(self, post: Post) -> None:
        """A service failed after its start: without any left the node is a staker."""
        if self._posts.get(post.netuid) is post:
            del self._posts[post.netuid]
        if not self._posts and not self._switching.locked():
            self.role = "staker"

    def spec(self, netuid: NetUid) -> Spec:
        """Return the constants of a known subnet's rules."""
        return self._subnet(netuid).spec

    def mined(self) -> tuple[NetUid, ...]:
        """Return the subnets in which this node is a miner now."""
        return tuple(netuid for netuid, post in self._posts.items() if isinstance(post.service, MinerRole))

    def _subnet(self, netuid: NetUid) -> AnySubnet:
        info = queries.subnet(self._chain.head.executed.state.view, netuid)
        every = max(CHALLENGE_BLOCKS_MIN, min(info.tempo_blocks // 4, CHALLENGE_BLOCKS_MAX))
        name = name_of(netuid, info.name)
        cheat = self._cheat if self._cheat in cheat_names(name) else None  # a cheat is one subnet's, honest elsewhere
        return open_subnet(name, models=(self._model,), cheat=cheat, challenge_blocks=every)


def known_on(view: StateView) -> dict[NetUid, str]:
    """The subnets of a state that this build has rules for, and the names of those rules."""
    found: dict[NetUid, str] = {}
    for info in queries.subnets(view):
        try:
            found[info.netuid] = name_of(info.netuid, info.name)
        except UnknownSubnet:
            continue
    return found
