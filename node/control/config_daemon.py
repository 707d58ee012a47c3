"""From a configuration to what a daemon is started with; only what somebody wrote down is taken over.

What nobody chose stays as it is in `DaemonConfig`, so that a home repeats its last start.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from node.control.config import Config, load
from node.control.config_kinds import NONE, Value
from node.control.config_settings import SETTINGS
from node.control.options import NOWHERE, DaemonConfig, DevnetOptions

FIELDS: Final = {each.field: each.key for each in SETTINGS if each.field}
"""The key of each field of `DaemonConfig` that can be set."""


def daemon_fields(config: Config) -> dict[str, object]:
    """Return the fields of `DaemonConfig` that somebody has set, as that class has them."""
    return {name: _as_field(name, found.value) for name, key in FIELDS.items() if (found := config[key]).is_chosen}


def daemon_config(home: Path, environment: Mapping[str, str] | None = None) -> DaemonConfig:
    """Return how the configuration of a home says that its node runs. Raises ConfigError."""
    chosen = daemon_fields(load(home, environment=environment))
    names = frozenset(chosen)
    return DaemonConfig(home, given=names, configured=names, **chosen)  # type: ignore[arg-type]  # each kind is its field's


def devnet_options(root: Path, home: Path, environment: Mapping[str, str] | None = None) -> DevnetOptions:
    """Return how the configuration of `home` says that a devnet below `root` is made: its model. Raises ConfigError."""
    chosen = daemon_fields(load(home, environment=environment))
    model = {name: value for name, value in chosen.items() if name in ("model", "model_store")}
    return DevnetOptions(root, **model)  # type: ignore[arg-type]  # each kind is its field's


def _as_field(name: str, value: Value | None) -> object:
    if name == "gateway_port" and value == NONE:
        return None
    if name == "listen" and isinstance(value, tuple):
        return () if value == (NOWHERE,) else value
    if name == "model_store" and value is not None:
        return Path(str(value)).expanduser().absolute()
    return value
