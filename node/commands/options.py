"""Options that several commands share, and the small types that check them before anything is started."""

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import click

from node.commands.common import Env, home_command
from node.compute.choice import parse_backend
from node.compute.errors import BadBackend
from node.control.amounts import parse_amount
from node.control.config import PROFILE_VARIABLE
from node.control.config_settings import LOG_LEVELS
from node.control.errors import BadAmount
from node.control.options import (
    CHEAT_KINDS,
    DEFAULT_BACKEND,
    DEFAULT_HOTKEY,
    DEFAULT_LISTEN,
    DEFAULT_MODEL,
    DEFAULT_WALLET,
    DISK_MB_MIN,
    NOWHERE,
    SYNC_CHOICES,
    DaemonConfig,
)
from node.control.paths import default_home
from node.control.schema import KEEP_MODES, ROLES

R = TypeVar("R")
Context = click.Context
_PORT_MAX: Final = 65_535
_HASH_DIGITS: Final = 64
_FLAG: Final = click.core.ParameterSource.COMMANDLINE
_DAEMON_FIELDS: Final = (
    "listen", "role", "wallet", "hotkey", "gateway_port", "model", "model_threads", "backend", "accept_copied_home",
    "cheat", "mdns", "netuids", "keep", "disk_mb", "snapshots", "sync", "checkpoint", "log_level",
)  # fmt: skip
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class _Port(click.ParamType[int | None]):
    """A TCP port, 0 for any free one, or "none"."""

    name = "port"

    def convert(self, value: object, param: click.Parameter | None, ctx: Context | None) -> int | None:
        text = str(value)
        if text == "none":
            return None
        if not text.isdecimal() or int(text) > _PORT_MAX:
            self.fail(f"{text!r} is no port: write 0 to {_PORT_MAX}, or none", param, ctx)
        return int(text)


class _Amount(click.ParamType[int]):
    """An exact amount of `unit`; of τ or α, whichever the command means, without one."""

    name = "amount"

    def __init__(self, unit: str = "") -> None:
        self._unit = unit

    def convert(self, value: object, param: click.Parameter | None, ctx: Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return parse_amount(str(value), self._unit)
        except BadAmount as error:
            self.fail(str(error), param, ctx)


class Number(click.FloatRange):
    """A number in a range; what is no number at all ("nan") compares with no bound and so is in none."""

    def convert(self, value: object, param: click.Parameter | None, ctx: Context | None) -> float:
        number: float = super().convert(cast("float", value), param, ctx)
        if number != number:
            self.fail(f"{str(value)[:20]!r} is no number", param, ctx)
        return number


class _Tolerance(click.ParamType[int]):
    """A price tolerance in percent, kept as parts per million."""

    name = "percent"

    def convert(self, value: object, param: click.Parameter | None, ctx: Context | None) -> int:
        if isinstance(value, int):
            return value
        text = str(value).removesuffix("%").strip()
        whole, _, part = text.partition(".")
        if not whole.isdecimal() or (part and not part.isdecimal()) or len(whole) > 2 or len(part) > 4:
            self.fail(f"{value!r} is no tolerance: write percent below 100, such as 0.5", param, ctx)
        return int(whole) * 10_000 + int(part.ljust(4, "0") or 0)


class Duration(click.ParamType[float]):
    """A length of time in seconds, such as 90s, 15m, 12h, 30d; "forever" for the longest, where that is said."""

    name = "duration"

    def __init__(self, least_s: float, most_s: float, *, forever: bool = False) -> None:
        self._least_s, self._most_s, self._forever = least_s, most_s, forever

    def convert(self, value: object, param: click.Parameter | None, ctx: Context | None) -> float:
        if isinstance(value, float):
            return value
        text = str(value).strip().lower()
        if self._forever and text == "forever":
            return self._most_s
        found = re.fullmatch(r"(\d{1,6})([smhd])", text)
        seconds = int(found[1]) * _UNITS_S[found[2]] if found else 0
        if not self._least_s <= seconds <= self._most_s:
            examples = "90s, 15m, 12h, 30d or forever" if self._forever else "90s, 15m, 12h or 30d"
            bounds = f"{self._least_s:g}s to {self._most_s // 86_400:.0f}d"
            self.fail(f"{str(value)[:20]!r} is no length of time here: write {examples} ({bounds})", param, ctx)
        return float(seconds)


class _DiskMb(click.ParamType[int]):
    """A budget in megabytes, 0 for none."""

    name = "megabytes"

    def convert(self, value: object, param: click.Parameter | None, ctx: Context | None) -> int:
        text = str(value)
        if not text.isdecimal() or len(text) > 12 or 0 < int(text) < DISK_MB_MIN:
            self.fail(f"{text!r} is no budget: write 0 for none, or at least {DISK_MB_MIN} MB", param, ctx)
        return int(text)


class _GenesisHash(click.ParamType[str]):
    """The hash of a genesis block."""

    name = "hash"

    def convert(self, value: object, param: click.Parameter | None, ctx: Context | None) -> str:
        text = str(value).lower().removeprefix("0x")
        if len(text) != _HASH_DIGITS or any(digit not in "0123456789abcdef" for digit in text):
            self.fail(f"{str(value)[:20]!r} is no hash: it has {_HASH_DIGITS} hexadecimal digits", param, ctx)
        return text


_DISK_MB: Final = _DiskMb()
PORT: Final = _Port()
AMOUNT: Final = _Amount("τ")
ANY_AMOUNT: Final = _Amount()
TOLERANCE: Final = _Tolerance()
GENESIS_HASH: Final = _GenesisHash()
NETUID: Final = click.IntRange(0, 65_535)


def from_config(key: str) -> Callable[[], Any]:
    """Return what makes a setting the default of an option: its value in the configuration of the command's home."""

    def read() -> Any:
        from node.control.config import load

        context = click.get_current_context()
        if context.resilient_parsing:  # a shell completes a line; nothing is carried out
            return None
        home: Path | None = context.params.get("home")
        return load(default_home() if home is None else home.expanduser().absolute()).value(key)

    return read


def check_listen(_ctx: Context, _param: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """Return the addresses to listen on: the default ones without any, none at all for the word none."""
    if given == (NOWHERE,):
        return ()
    for address in given:
        if not address.startswith(("/ip4/", "/ip6/")) or "/tcp/" not in address:
            raise click.BadParameter(f"{address!r} is no address to listen on; write /ip4/0.0.0.0/tcp/4001, or none")
    return given or DEFAULT_LISTEN


def check_backend(_ctx: Context, _param: click.Parameter, given: str) -> str:
    """Refuse what names no back end."""
    try:
        parse_backend(given)
    except BadBackend as error:
        raise click.BadParameter(str(error)) from error
    return given


def check_bootstrap(_ctx: Context, _param: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse what cannot be the address of a node."""
    for address in given:
        if not is_peer_address(address):
            raise click.BadParameter(f"{address!r} is no node's address; it looks like /ip4/1.2.3.4/tcp/4001/p2p/12D3…")
    return given


def is_peer_address(text: str) -> bool:
    """Tell whether `text` looks like the multiaddress of a node."""
    return text.startswith("/") and "/p2p/" in text


def netuid_option(function: Callable[..., R]) -> Callable[..., R]:
    """Add --netuid, the first subnet unless said otherwise; read first, since amounts are counted in its unit."""
    return click.option(
        "--netuid", type=NETUID, default=1, show_default=True, is_eager=True, help="Subnet; 0 is root."
    )(function)


def check_checkpoint(_ctx: click.Context, _param: click.Parameter, given: str | None) -> str | None:
    """Refuse what is no checkpoint before a node is started with it."""
    if given is not None and given != NOWHERE:
        from node.light.errors import BadCheckpoint
        from node.service.light_home import parse_checkpoint

        try:
            parse_checkpoint(given, needs_set=False)
        except BadCheckpoint as error:
            raise click.BadParameter(f"{error.message} {error.remedy}") from error
    return given


_CHAIN_OPTIONS: Final = (
    click.option(
        "--keep", type=click.Choice(KEEP_MODES),
        help="How much of the past stays: archive (all), full (blocks of a week, every header), light (blocks "
        "of an hour). Default: as last time, full at first.",
    ),
    click.option(
        "--disk-mb", type=_DISK_MB, metavar="MB",
        help=f"Budget for the chain on this disk, from {DISK_MB_MIN}; 0 for none. Default: as last time.",
    ),
    click.option(
        "--sync", type=click.Choice(SYNC_CHOICES), default="auto", show_default=True,
        help="How a new node gets the state: execute every block, or begin with a certified snapshot.",
    ),
    click.option(
        "--checkpoint", callback=check_checkpoint, metavar="H:BLOCK[:SET]",
        help="A block that the chain has to contain, from somebody you trust; none forgets it. Default: as last time.",
    ),
    click.option(
        "--snapshots/--no-snapshots", default=None,
        help="Make a snapshot of the state each epoch, for new nodes. Default: as last time, yes at first.",
    ),
)  # fmt: skip
"""How the chain is fetched and what of it stays on the disk."""


_CONFIG_OPTIONS: Final = (
    click.option(
        "--log-level", type=click.Choice(LOG_LEVELS), default="info", show_default=True,
        help="The least important lines that the log keeps.",
    ),
    click.option(
        "--profile", envvar=PROFILE_VARIABLE, show_envvar=True, metavar="NAME",
        help="Profile of the configuration file. Default: the one that the file names.",
    ),
    click.option(
        "--configured", type=click.Choice(("model_store", "bootstrap", *_DAEMON_FIELDS)), multiple=True, hidden=True
    ),
)  # fmt: skip


def _daemon_options(function: Callable[..., R]) -> Callable[..., R]:
    for decorate in reversed(
        (
            click.option(
                "--listen", multiple=True, callback=check_listen, metavar="MULTIADDR",
                help="Address to listen on, may be repeated; none only dials others. Default: any free port.",
            ),
            click.option("--role", type=click.Choice(ROLES), help="Default: the role this home had last."),
            click.option("--wallet", default=DEFAULT_WALLET, show_default=True, help="Wallet that owns the stake."),
            click.option("--hotkey", default=DEFAULT_HOTKEY, show_default=True, help="Hotkey the node works with."),
            click.option(
                "--gateway-port", type=PORT, default="0", metavar="PORT",
                help="HTTP port on 127.0.0.1; 0 takes any free one, none opens no gateway.",
            ),
            click.option("--model", default=DEFAULT_MODEL, show_default=True, help="Model that a miner serves."),
            click.option(
                "--model-store", type=click.Path(path_type=Path, file_okay=False),
                help="Folder of models. Default: one for all homes of this user.",
            ),
            click.option(
                "--model-threads", type=click.IntRange(1, 256), help="Threads of a model. Default: all cores but one."
            ),
            click.option(
                "--backend", default=DEFAULT_BACKEND, show_default=True, callback=check_backend, metavar="WHERE",
                help="Where a miner draws: onnx, openai:http://HOST:PORT/v1[#MODEL] or ray[:ADDRESS].",
            ),
            click.option(
                "--accept-copied-home", is_flag=True,
                help="This home was copied from another machine and runs nowhere else.",
            ),
            click.option(
                "--mdns/--no-mdns", default=True, show_default=True,
                help="Find peers on the local network; never on loopback or public addresses.",
            ),
            *_CHAIN_OPTIONS,
            click.option(
                "--netuid", "netuids", type=click.IntRange(1, 65_535), multiple=True,
                help="Subnet that the role works in. May be repeated. Default: as last time, at first the first one.",
            ),
            *_CONFIG_OPTIONS,
            click.option("--cheat", type=click.Choice(CHEAT_KINDS), hidden=True),
        )
    ):  # fmt: skip
        function = decorate(function)
    return function


def daemon_command(function: Callable[..., R]) -> Callable[..., R]:
    """Give a command --home, --json and the options of a daemon, handed over as `Env` and `DaemonConfig`.

    What no flag says is taken from the configuration: `NEUROND_*` variables, the profile, the file.
    """

    @_daemon_options
    @home_command
    @functools.wraps(function)
    def wrapped(
        env: Env, *, profile: str | None, configured: tuple[str, ...], model_store: Path | None, **others: Any
    ) -> R:
        store = None if model_store is None else model_store.expanduser().absolute()
        values: dict[str, Any] = {"model_store": store, **{name: others.pop(name) for name in _DAEMON_FIELDS}}
        context = click.get_current_context()
        flags = {name for name in (*values, "bootstrap") if context.get_parameter_source(name) is _FLAG}
        settings = _configured(env.home, profile, flags)
        given = frozenset(flags & set(values)) | frozenset(settings)
        told = frozenset((*configured, *settings))
        return function(env, DaemonConfig(env.home, given=given, configured=told, **{**values, **settings}), **others)

    return wrapped


def _configured(home: Path, profile: str | None, flags: set[str]) -> dict[str, Any]:
    """What the configuration sets and no flag does. Raises ConfigError."""
    from node.control.config import load
    from node.control.config_daemon import daemon_fields

    found = {name: value for name, value in daemon_fields(load(home, profile=profile)).items() if name not in flags}
    if "backend" in found:
        parse_backend(str(found["backend"]))
    return found
