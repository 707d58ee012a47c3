"""Forms of the signing record, oldest first. Append steps; never edit one that was released."""

import sqlite_utils

from storage.migrations import Step


def _first(database: sqlite_utils.Database) -> None:
    database.create_table(
        "positions", {"lane": str, "position": bytes, "digest": bytes}, pk="lane", not_null={"position", "digest"}
    )
    database.create_table("host", {"one": int, "fingerprint": bytes}, pk="one", not_null={"fingerprint"})


def _notes(database: sqlite_utils.Database) -> None:
    database.create_table("notes", {"name": str, "value": bytes}, pk="name", not_null={"value"})


STEPS = (Step(1, "first", _first), Step(2, "notes", _notes))
