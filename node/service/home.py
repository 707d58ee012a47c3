"""Where a node keeps its things: one folder, every path in it named here and nowhere else."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from node.control.options import (
    DEFAULT_BACKEND,
    DEFAULT_HOTKEY,
    DEFAULT_LISTEN,
    DEFAULT_MODEL,
    DEFAULT_WALLET,
    CheatKind,
    DaemonConfig,
)
from node.control.paths import gateway_path, settings_path
from node.control.schema import KeepMode, Role
from node.primitives.limits import GENESIS_BYTES_MAX
from node.service.errors import BadGenesis

_SETTINGS_BYTES_MAX: Final = 64 * 1024  # a handful of short values


_REMEMBERED: Final = (
    "listen", "bootstrap", "wallet", "hotkey", "gateway_port", "model", "model_threads", "backend", "netuids", "cheat",
    "mdns", "keep", "disk_mb", "snapshots", "checkpoint",
)  # fmt: skip


class Settings(msgspec.Struct, frozen=True):
    """What `settings.json` keeps of the last start; unknown keys of a newer version are ignored."""

    role: Role = "staker"
    listen: tuple[str, ...] = DEFAULT_LISTEN
    bootstrap: tuple[str, ...] = ()
    wallet: str = DEFAULT_WALLET
    hotkey: str = DEFAULT_HOTKEY
    gateway_port: int | None = 0
    model: str = DEFAULT_MODEL
    model_store: str | None = None
    model_threads: int | None = None
    backend: str = DEFAULT_BACKEND
    netuids: tuple[int, ...] = ()
    cheat: CheatKind | None = None
    mdns: bool = True
    keep: KeepMode | None = None
    disk_mb: int | None = None
    snapshots: bool | None = None
    checkpoint: str | None = None


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one node."""

    path: Path

    @property
    def genesis(self) -> Path:
        return self.path / "genesis.json"

    @property
    def chain(self) -> Path:
        return self.path / "chain.db"

    @property
    def signing(self) -> Path:
        return self.path / "signing.db"

    @property
    def market(self) -> Path:
        return self.path / "market.db"

    @property
    def payments(self) -> Path:
        return self.path / "payments.db"

    @property
    def gateway(self) -> Path:
        return gateway_path(self.path)

    @property
    def identity(self) -> Path:
        return self.path / "network.key"

    @property
    def peers(self) -> Path:
        return self.path / "peers.json"

    @property
    def log(self) -> Path:
        return self.path / "daemon.log"

    @property
    def settings(self) -> Path:
        return settings_path(self.path)

    @property
    def snapshots(self) -> Path:
        return self.path / "snapshots"

    @property
    def journals(self) -> Path:
        return self.path / "journals.db"

    @property
    def prices(self) -> Path:
        return self.path / "prices.db"

    @property
    def blobs(self) -> Path:
        return self.path / "blobs"

    @property
    def offers(self) -> Path:
        return self.path / "offers.json"

    @property
    def subnets(self) -> Path:
        return self.path / "subnets"

    @property
    def checked(self) -> Path:
        return self.path / "checked.json"

    @property
    def models(self) -> Path:
        return self.path / "models"

    def create(self) -> None:
        """Make the folder, readable by its owner alone."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def read_genesis(self) -> bytes | None:
        """Return the genesis file of this home, None without one."""
        try:
            with self.genesis.open("rb") as file:
                data = file.read(GENESIS_BYTES_MAX + 1)
        except FileNotFoundError:
            return None
        if len(data) > GENESIS_BYTES_MAX:
            raise BadGenesis(f"{self.genesis} is larger than any genesis may be.")
        return data

    def settings_of_last_start(self) -> Settings:
        """Return what this home was started with last; the defaults at first, or when the file is damaged."""
        try:
            with self.settings.open("rb") as file:
                return msgspec.json.decode(file.read(_SETTINGS_BYTES_MAX), type=Settings)
        except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Settings()

    def remember(self, settings: Settings) -> None:
        """Keep `settings` for the next start."""
        write_atomically(self.settings, msgspec.json.format(msgspec.json.encode(settings), indent=2))

    def remember_role(self, role: Role, netuids: Sequence[int] = ()) -> None:
        """Keep the role for the next start, and where it works unless that stays as it was."""
        last = self.settings_of_last_start()
        self.remember(msgspec.structs.replace(last, role=role, netuids=tuple(netuids) or last.netuids))


def with_last_settings(config: DaemonConfig, last: Settings) -> DaemonConfig:
    """Return `config` with what nobody chose taken from the last start: a bare start repeats that."""
    default = DaemonConfig(config.home)
    kept: dict[str, object] = {}
    for name in _REMEMBERED:
        if name not in config.given and getattr(config, name) == getattr(default, name):
            kept[name] = getattr(last, name)
    if last.model_store is not None and config.model_store is None:
        kept["model_store"] = Path(last.model_store)
    return replace(config, **kept)  # type: ignore[arg-type]  # both structs give these names the same types


def settings_from(config: DaemonConfig, role: Role) -> Settings:
    """Return what is to be remembered of a start; what the configuration says is remembered there."""
    nothing = Settings()
    values = {name: getattr(nothing if name in config.configured else config, name) for name in _REMEMBERED}
    told = config.model_store is None or "model_store" in config.configured
    store = None if told else str(config.model_store)
    return Settings(role=role, model_store=store, **values)


def write_atomically(path: Path, data: bytes) -> None:
    """Replace `path` by `data` as one step: after a crash it holds the old or the new content, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
