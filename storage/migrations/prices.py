"""Forms of the price book, oldest first. Append steps; never edit one that was released."""

import sqlite_utils

from storage.migrations import Step


def _first(database: sqlite_utils.Database) -> None:
    # One row a subnet and period. Without rowids a bar is found and replaced in one descent of one tree.
    database.execute(
        "CREATE TABLE bars (step_s INTEGER NOT NULL, netuid INTEGER NOT NULL, start_s INTEGER NOT NULL, "
        "open INTEGER NOT NULL, high INTEGER NOT NULL, low INTEGER NOT NULL, close INTEGER NOT NULL, "
        "volume INTEGER NOT NULL, PRIMARY KEY (step_s, netuid, start_s)) WITHOUT ROWID"
    )
    database.create_table("meta", {"name": str, "value": bytes}, pk="name")


STEPS = (Step(1, "first", _first),)
