"""What a daemon or a devnet is started with: agreed between the commands, the launcher and the service.

Plain frozen data; paths are absolute. The launcher turns a `DaemonConfig` into command-line arguments and the command
turns them back, so every field must survive that trip.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import msgspec

from node.control.schema import KeepMode, LogLevel, Role, View

CheatKind = Literal["random", "copied", "altered", "truncated", "lazy"]
SyncChoice = Literal["auto", "full", "snapshot"]
SYNC_CHOICES: Final[tuple[SyncChoice, ...]] = ("auto", "full", "snapshot")
CHEAT_KINDS: Final[tuple[CheatKind, ...]] = ("random", "copied", "altered", "truncated", "lazy")

DISK_MB_MIN: Final = 256  # the log of the database alone may take 64

DEFAULT_LISTEN: Final = ("/ip4/0.0.0.0/tcp/0",)
NOWHERE: Final = "none"  # what --listen says for a node that only dials others
DEFAULT_MODEL: Final = "smollm2-135m-instruct"
DEFAULT_BACKEND: Final = "onnx"
DEFAULT_WALLET: Final = "default"
DEFAULT_HOTKEY: Final = "default"


@dataclass(frozen=True, slots=True)
class DaemonConfig:
    """How one node runs.

    genesis_path: the genesis file to begin with; None: the one already in `home`, else it is fetched from `bootstrap`.
    genesis_hash: 64 hex digits that a fetched genesis must have; None accepts what the first peer tells.
    listen, bootstrap: multiaddresses; bootstrap ones end in /p2p/<peer id>.
    role: None keeps what the home did last (a staker at first).
    netuids: the subnets that the role works in; () keeps what the home did last (the first known one at first).
    gateway_port: HTTP port on 127.0.0.1; 0 picks a free one, None runs no gateway.
    model_store: folder of models, None for one shared by all homes of this user.
    model_threads: threads a model may use; None for all cores but one.
    backend: where a miner's answers are drawn: onnx, openai:URL[#MODEL] or ray[:ADDRESS].
    cheat: a dishonest miner's strategy, for devnets only.
    mdns: look for peers on the local network, unless the node listens on loopback alone.
    keep: how much of the past stays on the disk; None keeps what the home did last (full at first).
    disk_mb: budget for chain database and snapshots, 0 for none; None keeps what the home did last (none at first).
    checkpoint: HEIGHT:BLOCKHASH[:SETHASH] that the chain has to contain; "none" forgets it, None keeps the last one.
    sync: how a new node gets the state: by executing every block (full), from a certified snapshot, or whichever is
        quicker (auto); not remembered.
    snapshots: make a snapshot of the state each authority epoch, for peers; None as last time (yes at first).
    log_level: the least important lines that the log keeps; not remembered.
    given: names of fields that somebody chose, even where the value is the default: the last start does not
        override these. It follows from the others and is left out when two are compared.
    configured: those of them that the configuration says: the home does not remember these, so that what is taken
        out of a file is gone.
    """

    home: Path
    genesis_path: Path | None = None
    genesis_hash: str | None = None
    listen: tuple[str, ...] = DEFAULT_LISTEN
    bootstrap: tuple[str, ...] = ()
    role: Role | None = None
    wallet: str = DEFAULT_WALLET
    hotkey: str = DEFAULT_HOTKEY
    gateway_port: int | None = 0
    model: str = DEFAULT_MODEL
    model_store: Path | None = None
    model_threads: int | None = None
    netuids: tuple[int, ...] = ()
    cheat: CheatKind | None = None
    accept_copied_home: bool = False
    mdns: bool = True
    keep: KeepMode | None = None
    disk_mb: int | None = None
    snapshots: bool | None = None
    sync: SyncChoice = "auto"
    checkpoint: str | None = None
    backend: str = DEFAULT_BACKEND
    log_level: LogLevel = "info"
    given: frozenset[str] = field(default=frozenset(), compare=False)
    configured: frozenset[str] = field(default=frozenset(), compare=False)


@dataclass(frozen=True, slots=True)
class DevnetOptions:
    """A network of processes on this machine, one home per node under `home`.

    nodes: honest nodes, the first `authorities` of them produce blocks and validate, the others mine.
    cheaters: one further dishonest miner per entry. base_port: first of consecutive TCP ports, 0 for free ones.
    subnets: names of rules; they take the seats 1, 2, … and honest nodes work in all of them, cheats in the first.
    """

    home: Path
    nodes: int = 4
    authorities: int = 2
    slot_ms: int = 1000
    tempo: int = 20
    cheaters: tuple[CheatKind, ...] = ()
    model: str = DEFAULT_MODEL
    model_store: Path | None = None
    base_port: int = 0
    epoch_slots: int = 30
    subnets: tuple[str, ...] = ("nineteen",)


class Progress(View, frozen=True):
    """A step of something long: `done` of `total` `unit` (total 0: unknown); `stage` is a stable word."""

    stage: str
    message: str
    done: int = 0
    total: int = 0
    unit: str = ""
    eta_s: float | None = None


ProgressSink = Callable[[Progress], None]


class DevnetNode(View, frozen=True):
    """One node of a devnet; `pid` None: not running. `cheat` is its dishonest strategy, None for honest nodes."""

    name: str
    home: str
    role: Role
    authority: bool
    pid: int | None
    peer_id: str = ""
    height: int | None = None
    finalized_height: int | None = None
    gateway_url: str | None = None
    cheat: CheatKind | None = None


class DevnetStatus(View, frozen=True):
    """A devnet as found on disk and by asking each node."""

    home: str
    network: str
    genesis_hash: str
    nodes: tuple[DevnetNode, ...]


def encode_progress(progress: Progress) -> str:
    """Return one JSON line (without its newline)."""
    return msgspec.json.encode(progress).decode("utf-8")
