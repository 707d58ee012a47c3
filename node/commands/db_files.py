"""What the commands of `neurond db` share: opening a home's database for what is to be done, and showing progress."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from node.commands.common import Env, show_progress
from node.commands.errors import AlreadyThere, NothingThere
from node.control.options import Progress
from node.control.paths import database_path

if TYPE_CHECKING:
    from node.ledger.genesis import GenesisSpec
    from storage.chain import ChainStore


class Watch:
    """Shows steps of something long with the time that is left, judged by the time so far."""

    def __init__(self) -> None:
        self._stage = ""
        self._began_s = 0.0

    def __call__(self, what: str, done: int, total: int, unit: str = "") -> None:
        """Show that `done` of `total` (0: unknown) of the step `what` are done."""
        if what != self._stage:
            self._stage, self._began_s = what, time.monotonic()
        spent_s = time.monotonic() - self._began_s
        eta_s = spent_s * (total - done) / done if 0 < done < total else None
        show_progress(Progress(what.replace(" ", "_"), what, done, total, unit, eta_s))


def home_spec(env: Env) -> GenesisSpec:
    """Return the network of a home. Raises NoGenesis, LedgerError."""
    from node.ledger.genesis import parse_genesis
    from node.service.errors import NoGenesis
    from node.service.home import Home

    data = Home(env.home).read_genesis()
    if data is None:
        raise NoGenesis(f"The home {env.home} belongs to no network yet.")
    return parse_genesis(data)


def require_database(env: Env) -> None:
    """Refuse a home without a chain database (NothingThere)."""
    path = database_path(env.home)
    if not path.exists():
        raise NothingThere(f"There is no database {path}.", remedy="Name the node's home with --home.")


@contextmanager
def stopped_store(env: Env) -> Iterator[ChainStore]:
    """Hold the home and its database, to write. Raises HomeInUse while a node runs on it."""
    from storage.chain import ChainStore
    from storage.lock import HomeLock

    require_database(env)
    with HomeLock(env.home), ChainStore.open(database_path(env.home)) as store:
        yield store


@contextmanager
def any_store(env: Env) -> Iterator[ChainStore]:
    """Hold the database to read it, of a stopped or a running node."""
    from storage.chain import ChainStore
    from storage.errors import HomeInUse
    from storage.lock import HomeLock

    require_database(env)
    lock = HomeLock(env.home)
    try:
        lock.acquire()
    except HomeInUse:
        with ChainStore.open_to_read(database_path(env.home)) as store:
            yield store
        return
    with lock, ChainStore.open(database_path(env.home)) as store:
        yield store


def new_file(path: Path) -> Path:
    """Return the absolute path of a file to be written. Raises AlreadyThere, NothingThere (its folder)."""
    target = path.expanduser().absolute()
    if target.exists():
        raise AlreadyThere(f"{target} exists already.")
    if not target.parent.is_dir():
        raise NothingThere(f"There is no folder {target.parent}.", remedy="Make it first.")
    return target
