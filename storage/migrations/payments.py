"""Forms of the payment book, oldest first. Append steps; never edit one that was released."""

import sqlite_utils

from storage.migrations import Step


def _first(database: sqlite_utils.Database) -> None:
    # Vouchers that this node holds as a payee: the best one of each channel is all that counts.
    database.create_table(
        "taken",
        {
            "channel": bytes,
            "payer": bytes,
            "sequence": int,
            "cumulative_rao": int,
            "digest": bytes,
            "signature": bytes,
            "spent_rao": int,
            "credited_rao": int,
            "redeemed_rao": int,
        },
        pk="channel",
    )
    # What this node has signed as a payer, and what of it was for something delivered.
    database.create_table(
        "given",
        {
            "channel": bytes,
            "payee": bytes,
            "sequence": int,
            "cumulative_rao": int,
            "digest": bytes,
            "signature": bytes,
            "used_rao": int,
        },
        pk="channel",
    )
    database.create_table("days", {"day": int, "used_rao": int}, pk="day")
    database.create_table("settings", {"name": str, "value": int}, pk="name")


def _dues(database: sqlite_utils.Database) -> None:
    # What of this node's earnings belongs to others, by their account; at most one transfer to each is under way,
    # and it can be in the blocks from `sent_from` to `sent_until` only.
    database.create_table(
        "dues",
        {"account": bytes, "owed_rao": int, "paid_rao": int, "sent_rao": int, "sent_from": int, "sent_until": int},
        pk="account",
    )


STEPS = (Step(1, "first", _first), Step(2, "dues", _dues))
