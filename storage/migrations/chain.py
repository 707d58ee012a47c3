"""Forms of the chain database, oldest first. Append steps; never edit one that was released."""

import sqlite_utils

from storage.migrations import Step


def _first(database: sqlite_utils.Database) -> None:
    # Bodies live apart from headers, so that marking a block as final never rewrites a megabyte.
    database.execute(
        """
        CREATE TABLE blocks (
            number INTEGER PRIMARY KEY,
            hash BLOB NOT NULL UNIQUE,
            parent BLOB NOT NULL,
            height INTEGER NOT NULL,
            slot INTEGER NOT NULL,
            header BLOB NOT NULL,
            finalised INTEGER NOT NULL DEFAULT 0
        )
        """
    )
    database.execute("CREATE UNIQUE INDEX finalised_blocks ON blocks (height) WHERE finalised = 1")
    database.execute("CREATE INDEX open_blocks ON blocks (height, hash) WHERE finalised = 0")
    database.execute(
        """
        CREATE TABLE bodies (
            block INTEGER PRIMARY KEY REFERENCES blocks (number) ON DELETE CASCADE,
            body BLOB NOT NULL
        )
        """
    )
    database.create_table("certificates", {"height": int, "block": bytes, "certificate": bytes}, pk="height")
    database.execute("CREATE TABLE state (path BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
    database.execute(
        """
        CREATE TABLE events (
            height INTEGER NOT NULL, position INTEGER NOT NULL, event BLOB NOT NULL,
            PRIMARY KEY (height, position)
        ) WITHOUT ROWID
        """
    )
    database.execute(
        """
        CREATE TABLE transactions (
            hash BLOB PRIMARY KEY, height INTEGER NOT NULL, position INTEGER NOT NULL
        ) WITHOUT ROWID
        """
    )
    database.create_table("meta", {"name": str, "value": bytes}, pk="name")


def _snapshots(database: sqlite_utils.Database) -> None:
    # The staging table has the form of the state: a snapshot that is whole takes the state's place by its name.
    database.execute("CREATE TABLE staging (path BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
    database.execute("CREATE TABLE staged (prefix BLOB PRIMARY KEY, rows INTEGER NOT NULL) WITHOUT ROWID")
    # What a light client follows the chain by: certified headers, kept when their blocks are pruned.
    database.create_table("steps", {"height": int, "step": bytes}, pk="height", not_null={"step"})


STEPS = (Step(1, "first", _first), Step(2, "snapshots", _snapshots))
