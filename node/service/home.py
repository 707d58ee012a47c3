"""Where a node keeps its things: one folder, every path in it named here and nowhere else."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.control.schema import ROLES, Role
from node.service.errors import BadGenesis

GENESIS_BYTES_MAX: Final = 4 * 1024 * 1024  # a genesis with ten thousand accounts has about 1 MB
_SETTINGS_BYTES_MAX: Final = 64 * 1024  # a handful of short values


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
        return self.path / "settings.json"

    @property
    def models(self) -> Path:
        return self.path / "models"

    def create(self) -> None:
        """Make the folder, readable by its owner alone."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def role(self) -> Role:
        """Return the role this home had last; a staker at first, or when the settings file is damaged."""
        saved = self._settings().get("role")
        return next((role for role in ROLES if role == saved), "staker")

    def remember_role(self, role: Role) -> None:
        """Keep the role for the next start."""
        write_atomically(self.settings, json.dumps({**self._settings(), "role": role}).encode())

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

    def _settings(self) -> dict[str, str]:
        try:
            with self.settings.open("rb") as file:
                loaded = json.loads(file.read(_SETTINGS_BYTES_MAX))
        except (FileNotFoundError, ValueError):
            return {}
        return {str(key): str(value) for key, value in loaded.items()} if isinstance(loaded, dict) else {}


def write_atomically(path: Path, data: bytes) -> None:
    """Replace `path` by `data` as one step: after a crash it holds the old or the new content, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
