"""`neurond keys`: the API keys of this node's gateway.

Keys are settings of a home, like key files: they are made and revoked here, in its database, whether the node runs or
not; a running gateway sees every change at its next request.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from node.commands.common import Env, command, confirm, facts, narrate, table
from node.commands.errors import NothingThere
from node.commands.lazy import DefaultGroup
from node.commands.options import from_config
from node.control.amounts import format_amount, parse_price
from node.control.paths import gateway_path
from node.control.schema import View
from node.gateway.limits import LIMIT_MAX, PER_DAY_DEFAULT, PER_MINUTE_DEFAULT
from node.subnets.doors import SCOPES

if TYPE_CHECKING:
    from storage.keys import KeyRow, KeyStore

_COUNT = click.IntRange(0, LIMIT_MAX)


class KeyInfo(View, frozen=True):
    """An API key; a limit of 0 is none, save `rao_per_day`, where 0 forbids spending. `key` is told at its making."""

    id: str
    name: str
    scopes: tuple[str, ...]
    requests_per_minute: int
    requests_per_day: int
    rao_per_day: int
    requests_today: int
    rao_today: int
    created_at: str
    last_used_at: str | None
    revoked_at: str | None
    key: str | None = None


@click.group(cls=DefaultGroup, default="list")
def keys() -> None:
    """API keys of the gateway: who may ask, what it may do, and how much.

    \b
    Example:
      neurond keys new laptop --tao-per-day 0.5
    """


@keys.command("list")
@command
def list_keys(env: Env) -> None:
    """List the keys, revoked ones included; a key itself is never shown again.

    \b
    Example:
      neurond keys list --json
    """
    found: tuple[KeyInfo, ...] = ()
    if gateway_path(env.home).is_file():
        with _store(env) as store:
            found = tuple(_info(store, row) for row in store.all_keys())
    rows = [
        (each.id, each.name, " ".join(each.scopes), each.requests_per_minute or "-", each.requests_per_day or "-",
         format_amount(each.rao_per_day), each.requests_today, format_amount(each.rao_today),
         each.last_used_at or "-", "revoked" if each.revoked_at else "valid")
        for each in found
    ]  # fmt: skip
    columns = ("id", "name", "scopes", "per minute", "per day", "may spend", "today", "spent", "last used", "state")
    empty = "There are no keys: programs of this machine may ask for what costs nothing. Make one: `neurond keys new`."
    right = ("per minute", "per day", "may spend", "today", "spent")
    env.emit(found, lambda: table(columns, rows, right=right, empty=empty))


@keys.command("new")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="Default: read and invoke.")
@click.option(
    "--per-minute", type=_COUNT, default=from_config("gateway.requests_per_minute"),
    show_default=f"gateway.requests_per_minute, {PER_MINUTE_DEFAULT} at first", help="Requests; 0: no limit.",
)  # fmt: skip
@click.option(
    "--per-day", type=_COUNT, default=from_config("gateway.requests_per_day"),
    show_default=f"gateway.requests_per_day, {PER_DAY_DEFAULT} at first", help="Requests; 0: no limit.",
)  # fmt: skip
@click.option("--tao-per-day", default="0", show_default=True, metavar="TAO", help="What it may spend.")
@command
def new(env: Env, name: str, scopes: tuple[str, ...], per_minute: int, per_day: int, tao_per_day: str) -> None:
    """Make a key and show it, this once. With the first key the gateway begins to ask for one.

    \b
    Examples:
      neurond keys new laptop
      neurond keys new shop --tao-per-day 0.5 --per-minute 60
    """
    from node.gateway.keys import new_key

    chosen = tuple(scope for scope in SCOPES if scope in (scopes or ("read", "invoke")))
    row, secret = new_key(name, chosen, per_minute, per_day, parse_price(tao_per_day), _now_ms())
    with _store(env) as store:
        first = not store.any()
        store.add(row)
        shown = _info(store, row, secret)
    env.emit(shown, lambda: _show_new(shown, first=first))


@keys.command("revoke")
@click.argument("key_id", metavar="ID")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@command
def revoke(env: Env, key_id: str, yes: bool) -> None:
    """Make a key invalid for ever. The gateway goes on asking for keys, even without any that is valid.

    \b
    Example:
      neurond keys revoke key_0123456789ab
    """
    with _store(env) as store:
        row = _known(store, key_id)
        confirm(f"Revoke the key {row.name!r}? Programs that use it stop working.", yes=yes)
        if not store.revoke(key_id, _now_ms()):
            raise NothingThere(f"The key {key_id} was revoked before.", remedy="See `neurond keys list`.")
        shown = _info(store, _known(store, key_id))
    env.emit(shown, lambda: click.echo(f"The key {shown.name!r} is revoked."))


@keys.command("limits")
@click.argument("key_id", metavar="ID")
@click.option("--per-minute", type=_COUNT, help="Requests; 0 is no limit.")
@click.option("--per-day", type=_COUNT, help="Requests; 0 is no limit.")
@click.option("--tao-per-day", metavar="TAO", help="What it may spend.")
@command
def limits(env: Env, key_id: str, per_minute: int | None, per_day: int | None, tao_per_day: str | None) -> None:
    """Show the limits of a key, or change those that are named.

    \b
    Example:
      neurond keys limits key_0123456789ab --per-minute 60
    """
    with _store(env) as store:
        row = _known(store, key_id)
        if (per_minute, per_day, tao_per_day) != (None, None, None):
            changed = store.set_limits(
                key_id,
                row.per_minute if per_minute is None else per_minute,
                row.per_day if per_day is None else per_day,
                row.rao_per_day if tao_per_day is None else parse_price(tao_per_day),
            )
            if not changed:
                raise NothingThere(f"The key {key_id} is revoked.", remedy="Make another one: `neurond keys new`.")
        shown = _info(store, _known(store, key_id))
    env.emit(shown, lambda: _show(shown))


@keys.command("open")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@command
def open_gateway(env: Env, yes: bool) -> None:
    """Forget every key, so that any program of this machine may ask again for what costs nothing.

    \b
    Example:
      neurond keys open
    """
    with _store(env) as store:
        count = len(store.all_keys())
        if count:
            confirm(f"Forget {count} keys and open the gateway to every program of this machine?", yes=yes)
            store.forget_keys()
    env.emit({"forgotten": count}, lambda: click.echo(f"{count} keys forgotten; the gateway asks for none."))


@contextmanager
def _store(env: Env) -> Iterator[KeyStore]:
    from storage.keys import KeyStore

    if not env.home.is_dir():
        raise NothingThere(f"There is no home {env.home}.", remedy="Start the node once, or name another --home.")
    with KeyStore.open(gateway_path(env.home)) as store:
        yield store


def _known(store: KeyStore, key_id: str) -> KeyRow:
    row = store.get(key_id)
    if row is None:
        raise NothingThere(f"There is no key {key_id}.", remedy="`neurond keys list` shows the ids.")
    return row


def _info(store: KeyStore, row: KeyRow, secret: str | None = None) -> KeyInfo:
    from node.gateway.problems import utc

    requests, rao = store.used(row.id, _now_ms() // 86_400_000)
    return KeyInfo(
        id=row.id,
        name=row.name,
        scopes=tuple(row.scopes.split()),
        requests_per_minute=row.per_minute,
        requests_per_day=row.per_day,
        rao_per_day=row.rao_per_day,
        requests_today=requests,
        rao_today=rao,
        created_at=utc(row.created_at_ms),
        last_used_at=None if row.last_used_at_ms is None else utc(row.last_used_at_ms),
        revoked_at=None if row.revoked_at_ms is None else utc(row.revoked_at_ms),
        key=secret,
    )


def _show_new(shown: KeyInfo, *, first: bool) -> None:
    click.echo(shown.key)
    narrate(f"This is the key {shown.name!r} ({shown.id}). Keep it: it is shown this once, only its hash is stored.")
    if first:
        narrate("From now on the gateway asks every program for a key.")


def _show(shown: KeyInfo) -> None:
    facts([
        ("id", shown.id),
        ("name", shown.name),
        ("scopes", " ".join(shown.scopes)),
        ("requests a minute", shown.requests_per_minute or "no limit"),
        ("requests a day", shown.requests_per_day or "no limit"),
        ("used today", shown.requests_today),
        ("may spend a day", format_amount(shown.rao_per_day)),
        ("spent today", format_amount(shown.rao_today)),
        ("last used", shown.last_used_at or "never"),
        ("state", "revoked" if shown.revoked_at else "valid"),
    ])  # fmt: skip


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
