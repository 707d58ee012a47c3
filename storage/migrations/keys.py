"""Forms of the gateway's database, oldest first. Append steps; never edit one that was released."""

import sqlite_utils

from storage.migrations import Step


def _first(database: sqlite_utils.Database) -> None:
    # Of a key only its hash is here. Revoked keys stay, so that a gateway that had keys never stands open again.
    keys = database.create_table(
        "keys",
        {
            "id": str, "name": str, "digest": bytes, "scopes": str, "per_minute": int, "per_day": int,
            "rao_per_day": int, "created_at_ms": int, "last_used_at_ms": int, "revoked_at_ms": int,
        },
        pk="id",
        not_null={"name", "digest", "scopes", "per_minute", "per_day", "rao_per_day", "created_at_ms"},
    )  # fmt: skip
    keys.create_index(["digest"], index_name="keys_by_digest", unique=True)
    usage = database.create_table(
        "usage",
        {
            "key": str, "day": int, "model": str, "requests": int, "prompt_tokens": int, "completion_tokens": int,
            "units": int, "rao": int,
        },
        pk=("key", "day", "model"),
    )  # fmt: skip
    usage.create_index(["day"], index_name="usage_by_day")
    replies = database.create_table(
        "replies",
        {
            "seq": int, "key": str, "name": str, "digest": bytes, "status": int, "headers": bytes, "body": bytes,
            "expires_at_ms": int,
        },
        pk="seq",
    )  # fmt: skip
    replies.create_index(["key", "name"], index_name="replies_by_name", unique=True)


STEPS = (Step(1, "first", _first),)
