"""A whole network on one machine: founding it, starting its processes, finding and stopping them again.

Runs in the process of whoever asked (command or demo), as a client of the daemons it starts. One home a node under the
devnet's folder, with `devnet.json` naming them; wallets are stored without a password and must be used nowhere else.
"""

import asyncio
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from models import Progress as ModelProgress
from models import ensure
from node.control import launcher
from node.control.api import StatusRequest
from node.control.client_async import AsyncClient
from node.control.client_sync import SyncClient
from node.control.errors import RemoteError
from node.control.options import (
    CheatKind,
    DaemonConfig,
    DevnetNode,
    DevnetOptions,
    DevnetStatus,
    Progress,
    ProgressSink,
)
from node.control.role_actions import apply_role, prepare_role, sign_role
from node.control.schema import ErrorView, Job, NodeStatus, Role, View
from node.control.wallets import wallet_store
from node.ledger.genesis import format_genesis, genesis_state
from node.primitives.crypto import Signer
from node.primitives.errors import ControlError
from node.service.chain import now_ms
from node.service.errors import DaemonFailed, Unknown
from node.service.founding import TEXT_NETUID, Founder, devnet_genesis
from node.service.home import Home, write_atomically
from node.service.model_store import ChosenModel, shared_model_store
from node.wallet.errors import WalletExists
from p2p import load_or_create_identity

FILE: Final = "devnet.json"
_FILE_BYTES_MAX: Final = 1024 * 1024
_WALLET: Final = "default"
_POLL_S: Final = 0.2
_FIRST_FINAL_TIMEOUT_S: Final = 60.0
_ROLE_TIMEOUT_S: Final = 180.0
_STARTS_AT_ONCE: Final = 4  # a start is a second of CPU; more at once only slow each other down
_GENESIS_LEAD_MS: Final = 1000


class NodeEntry(View, frozen=True):
    """One node of the devnet as its file remembers it."""

    name: str
    role: Role
    authority: bool
    port: int
    peer_id: str
    cheat: CheatKind | None = None
    netuids: tuple[int, ...] = ()


class DevnetFile(View, frozen=True):
    """The file `devnet.json`."""

    network: str
    genesis_hash: str
    model: str
    nodes: tuple[NodeEntry, ...]


@dataclass(frozen=True, slots=True)
class Devnet:
    """A founded network and its folder."""

    path: Path
    file: DevnetFile

    def home(self, entry: NodeEntry) -> Path:
        """Return a node's home."""
        return self.path / entry.name


def up(options: DevnetOptions, progress: ProgressSink) -> DevnetStatus:
    """Start the network under `options.home`, founding it if there is none; returns when every role works.

    Raises:
        ModelError: the model cannot be had. DaemonFailed, ControlError, ServiceError: a node does not start.
    """
    store = options.model_store or shared_model_store()
    get_model(options.model, store, progress)
    devnet = open_devnet(options.home) if (options.home / FILE).exists() else found(options, progress)
    start_nodes(devnet, store, progress)
    wait_for_finality(devnet, progress)
    take_roles(devnet, progress)
    return status(options.home)


def down(home: Path, progress: ProgressSink) -> None:
    """Stop every node of the devnet under `home`. Raises Unknown without one."""
    devnet = open_devnet(home)

    def stop(entry: NodeEntry) -> None:
        launcher.stop(devnet.home(entry), lambda step: None)

    _each(devnet, stop, progress, "stopping", "stopped")


def status(home: Path) -> DevnetStatus:
    """Return what runs under `home`. Raises Unknown without a devnet."""
    devnet = open_devnet(home)
    nodes = []
    for entry in devnet.file.nodes:
        seen = ask_status(devnet.home(entry))
        nodes.append(
            DevnetNode(
                name=entry.name,
                home=str(devnet.home(entry)),
                role=entry.role if seen is None else seen.role,
                authority=entry.authority,
                pid=None if seen is None else seen.pid,
                peer_id=entry.peer_id,
                height=None if seen is None else seen.height,
                finalized_height=None if seen is None else seen.finalized_height,
                gateway_url=None if seen is None else seen.gateway_url,
                cheat=entry.cheat,
            )
        )
    return DevnetStatus(str(home), devnet.file.network, devnet.file.genesis_hash, tuple(nodes))


# --- founding ---------------------------------------------------------------------------------------------------------


def found(options: DevnetOptions, progress: ProgressSink) -> Devnet:
    """Make homes, wallets, the genesis and the devnet's file."""
    progress(Progress("founding", "making wallets and the genesis"))
    options.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    cheats: tuple[CheatKind | None, ...] = (*(None for _ in range(options.nodes)), *options.cheaters)
    ports = free_ports(len(cheats), options.base_port)
    entries, founders = [], []
    for number, (cheat, port) in enumerate(zip(cheats, ports, strict=True)):
        name = f"node-{number}" if cheat is None else f"cheat-{number}-{cheat}"
        home = Home(options.home / name)
        home.create()
        authority = number < options.authorities
        identity = load_or_create_identity(home.identity)
        founders.append(_keys(home))
        role: Role = "validator" if authority else "miner"
        netuids = tuple(range(TEXT_NETUID, TEXT_NETUID + (1 if cheat else len(options.subnets))))
        entries.append(NodeEntry(name, role, authority, port, identity.peer_id, cheat, netuids))
    spec = devnet_genesis(
        "devnet",
        founders[: options.authorities],
        founders[options.authorities :],
        start_ms=now_ms() + _GENESIS_LEAD_MS,
        slot_ms=options.slot_ms,
        epoch_slots=options.epoch_slots,
        tempo=options.tempo,
        subnets=options.subnets,
    )
    genesis = format_genesis(spec)
    for entry in entries:
        write_atomically(options.home / entry.name / "genesis.json", genesis)
    file = DevnetFile(spec.name, genesis_state(spec)[1].hash.hex(), options.model, tuple(entries))
    write_atomically(options.home / FILE, msgspec.json.format(msgspec.json.encode(file), indent=2))
    return Devnet(options.home, file)


def open_devnet(home: Path) -> Devnet:
    """Return the devnet founded under `home`. Raises Unknown without one, or with a damaged file."""
    try:
        with (home / FILE).open("rb") as file:
            return Devnet(home, msgspec.json.decode(file.read(_FILE_BYTES_MAX), type=DevnetFile))
    except FileNotFoundError:
        raise Unknown(f"There is no devnet under {home}.", remedy="Found one with `neurond devnet up`.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unknown(f"{home / FILE} is damaged: {error}.", remedy="Use another --home for a new devnet.") from error


def free_ports(count: int, base: int) -> list[int]:
    """Return consecutive ports from `base`, or with base 0 ports that are free at this moment."""
    if base:
        return list(range(base, base + count))
    held = []
    try:
        for _ in range(count):
            holder = socket.socket()
            holder.bind(("127.0.0.1", 0))
            held.append(holder)
        return [holder.getsockname()[1] for holder in held]
    finally:
        for holder in held:
            holder.close()


def _keys(home: Home) -> Founder:
    store = wallet_store(home.path)
    try:
        wallet, _ = store.create(_WALLET, None)
    except WalletExists:
        wallet = store.open(_WALLET)
    return Founder(wallet.public, wallet.hotkey().public)


# --- starting ---------------------------------------------------------------------------------------------------------


def start_nodes(devnet: Devnet, store: Path, progress: ProgressSink) -> None:
    """Start every node that does not run yet."""

    def start(entry: NodeEntry) -> None:
        launcher.start(node_config(devnet, entry, store), lambda step: None)

    _each(devnet, start, progress, "starting", "up")


def node_config(devnet: Devnet, entry: NodeEntry, store: Path) -> DaemonConfig:
    """Return how one node of a devnet runs; everybody dials the first two."""
    others = [other for other in devnet.file.nodes[:2] if other.name != entry.name]
    return DaemonConfig(
        home=devnet.home(entry),
        genesis_hash=devnet.file.genesis_hash,
        listen=(f"/ip4/127.0.0.1/tcp/{entry.port}",),
        bootstrap=tuple(f"/ip4/127.0.0.1/tcp/{other.port}/p2p/{other.peer_id}" for other in others),
        role="validator" if entry.role == "validator" else None,
        model=devnet.file.model,
        model_store=store,
        model_threads=1,  # the nodes of a devnet share one machine
        netuids=entry.netuids,
        cheat=entry.cheat,
    )


def wait_for_finality(devnet: Devnet, progress: ProgressSink) -> None:
    """Wait until the first node has finalised a block. Raises DaemonFailed when that does not happen."""
    progress(Progress("finality", "waiting for the first final block"))
    give_up_s = time.monotonic() + _FIRST_FINAL_TIMEOUT_S
    while time.monotonic() < give_up_s:
        seen = ask_status(devnet.home(devnet.file.nodes[0]))
        if seen is not None and seen.finalized_height > 0:
            return
        time.sleep(_POLL_S)
    raise DaemonFailed("The network started, but no block became final.")


def take_roles(devnet: Devnet, progress: ProgressSink) -> None:
    """Give every node its role; miners register with a transaction of their own coldkey."""
    for number, entry in enumerate(devnet.file.nodes, 1):
        progress(Progress("roles", f"{entry.name} becomes a {entry.role}", number, len(devnet.file.nodes), "nodes"))
        asyncio.run(_take_role(devnet.home(entry), entry.role, entry.netuids))


async def _take_role(home: Path, role: Role, netuids: tuple[int, ...]) -> None:
    wallet = wallet_store(home).open(_WALLET)
    async with AsyncClient(home) as client:
        give_up_s = time.monotonic() + _ROLE_TIMEOUT_S
        while (await client.status()).role != role:
            draft = await prepare_role(client, role, wallet.address, netuids)
            signer: Signer | None = wallet.unlock(None) if draft.needs_coldkey else None
            job = await apply_role(client, draft, sign_role(draft, signer))
            await _finish(client, job, give_up_s)


async def _finish(client: AsyncClient, job: Job, give_up_s: float) -> None:
    while job.state == "running":
        if time.monotonic() > give_up_s:
            raise DaemonFailed(f"{job.title}: {job.message}; it takes too long.")
        await asyncio.sleep(_POLL_S)
        job = await client.job(job.id)
    if job.state == "failed":
        raise RemoteError(job.error or ErrorView("job_failed", f"{job.title} failed."))


# --- helpers ----------------------------------------------------------------------------------------------------------


def ask_status(home: Path) -> NodeStatus | None:
    """Return a node's status, None when it does not run or is not ready."""
    try:
        with SyncClient(home) as client:
            return client.call(StatusRequest())
    except ControlError:
        return None


def get_model(name: str, store: Path, progress: ProgressSink) -> None:
    """Have the model in the store before five processes want it at once; a folder of one's own is taken as it is."""
    if ChosenModel.of(name).bundle is not None:
        return

    def report(step: ModelProgress) -> None:
        progress(Progress("model", f"{name}: {step.stage}", step.done, step.total, step.unit, step.eta_s))

    ensure(name, store, report)


def _each(devnet: Devnet, work: Callable[[NodeEntry], None], progress: ProgressSink, stage: str, done: str) -> None:
    nodes = devnet.file.nodes
    with ThreadPoolExecutor(_STARTS_AT_ONCE) as pool:
        futures = [(entry, pool.submit(partial(work, entry))) for entry in nodes]
        for number, (entry, future) in enumerate(futures, 1):
            future.result()
            progress(Progress(stage, f"{entry.name} is {done}", number, len(nodes), "nodes"))
