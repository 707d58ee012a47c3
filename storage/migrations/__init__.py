"""Numbered steps that bring a database from any earlier form to the present one.

Steps are append-only: a released step is never edited, a change of form is a new step. Each runs in one transaction
with its own record, so that a crash leaves either the form before or the form after it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from sqlite3 import Connection

import sqlite_utils

from storage.errors import TooNew, WrongDatabase

STEPS_TABLE = "schema_steps"


@dataclass(frozen=True, slots=True)
class Step:
    """One change of form; `number` counts from 1 without gaps."""

    number: int
    name: str
    apply: Callable[[sqlite_utils.Database], None]


def applied_steps(connection: Connection) -> list[tuple[int, str]]:
    """Return number and name of the steps that this database has seen, in order."""
    database = sqlite_utils.Database(connection, execute_plugins=False)
    if not database[STEPS_TABLE].exists():
        return []
    query = f"SELECT number, name FROM {STEPS_TABLE} ORDER BY number"
    return [(int(number), str(name)) for number, name in connection.execute(query)]


def check_steps(applied: Sequence[tuple[int, str]], known: Sequence[Step], where: str) -> None:
    """Refuse a database whose recorded steps are not a beginning of `known`.

    Raises:
        TooNew: it has steps that this program does not know yet.
        WrongDatabase: it went another way.
    """
    if len(applied) > len(known):
        raise TooNew(f"{where} has form {len(applied)}; this version of neurond knows forms up to {len(known)}.")
    for (number, name), step in zip(applied, known, strict=False):
        if (number, name) != (step.number, step.name):
            raise WrongDatabase(f"{where} records step {number} ({name}), where {step.number} ({step.name}) belongs.")


def migrate(connection: Connection, known: Sequence[Step], where: str) -> int:
    """Apply the missing steps, each in its own transaction, and return how many there were.

    Safe against a second process doing the same: each step looks again after it holds the write lock.
    """
    database = sqlite_utils.Database(connection, execute_plugins=False)
    count = 0
    while True:
        connection.execute("BEGIN IMMEDIATE")
        try:
            applied = applied_steps(connection)
            check_steps(applied, known, where)
            if len(applied) == len(known):
                connection.execute("ROLLBACK")
                return count
            step = known[len(applied)]
            database.create_table(STEPS_TABLE, {"number": int, "name": str}, pk="number", if_not_exists=True)
            step.apply(database)
            connection.execute(f"INSERT INTO {STEPS_TABLE} (number, name) VALUES (?, ?)", (step.number, step.name))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        count += 1
