"""Forms of the store of subnets' journals, oldest first. Append steps; never edit one that was released."""

import sqlite_utils

from storage.migrations import Step


def _first(database: sqlite_utils.Database) -> None:
    database.create_table(
        "entries",
        {"netuid": int, "author": bytes, "seq": int, "hash": bytes, "entry": bytes},
        pk=("netuid", "author", "seq"),
        not_null={"hash", "entry"},
    )
    # `number` orders proofs by arrival and is what retention counts.
    forks = database.create_table(
        "forks",
        {"number": int, "netuid": int, "author": bytes, "void_from": int, "proof": bytes},
        pk="number",
        not_null={"netuid", "author", "void_from", "proof"},
    )
    forks.create_index(["netuid", "author"], index_name="forks_by_author", unique=True)


STEPS = (Step(1, "first", _first),)
