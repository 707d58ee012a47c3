"""Forms of the store of collected rows, oldest first. Append steps; never edit one that was released."""

import sqlite_utils

from storage.migrations import Step


def _first(database: sqlite_utils.Database) -> None:
    # A row belongs to the snapshots numbered from `added` up to and without `dropped`; NULL is still there.
    database.conn.execute(
        "CREATE TABLE entity (id INTEGER PRIMARY KEY, uri TEXT NOT NULL, uri_hash BLOB NOT NULL, "
        "source INTEGER NOT NULL, label TEXT NOT NULL, hour INTEGER NOT NULL, minute INTEGER NOT NULL, "
        "author TEXT NOT NULL, content TEXT NOT NULL, text_hash BLOB NOT NULL, size INTEGER NOT NULL, "
        "added INTEGER NOT NULL, dropped INTEGER)"
    )
    database.conn.execute("CREATE UNIQUE INDEX entity_by_uri ON entity (uri_hash) WHERE dropped IS NULL")
    # One content once a bucket; also the way to a bucket's rows.
    database.conn.execute(
        "CREATE UNIQUE INDEX entity_by_bucket ON entity (hour, source, label, text_hash) WHERE dropped IS NULL"
    )
    database.conn.execute("CREATE INDEX entity_dropped ON entity (dropped) WHERE dropped IS NOT NULL")
    database.conn.execute(
        "CREATE TABLE bucket (hour INTEGER NOT NULL, source INTEGER NOT NULL, label TEXT NOT NULL, "
        "rows INTEGER NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, "
        "PRIMARY KEY (source, label, hour)) WITHOUT ROWID"
    )
    # Buckets whose rows changed since they were sealed, and the snapshot that shall have the change.
    database.conn.execute(
        "CREATE TABLE dirty (hour INTEGER NOT NULL, source INTEGER NOT NULL, label TEXT NOT NULL, "
        "snapshot INTEGER NOT NULL, PRIMARY KEY (hour, source, label, snapshot)) WITHOUT ROWID"
    )
    database.conn.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
    database.conn.execute(
        "CREATE VIRTUAL TABLE entity_text USING fts5(content, content='entity', content_rowid='id', detail=column)"
    )


STEPS = (Step(1, "first", _first),)
