"""Forms of the market journal, oldest first. Append steps; never edit one that was released."""

import sqlite_utils

from storage.migrations import Step


def _first(database: sqlite_utils.Database) -> None:
    # `seq` orders rows by arrival and is what retention counts.
    tasks = database.create_table(
        "tasks",
        {
            "seq": int,
            "id": bytes,
            "netuid": int,
            "kind": str,
            "miner": bytes,
            "validator": bytes,
            "created_at_ms": int,
            "status": str,
            "latency_ms": int,
            "score": float,
            "tokens": int,
            "preview": str,
        },
        pk="seq",
    )
    # One challenge goes to several miners: a task is known by its id and its miner together.
    tasks.create_index(["id", "miner"], index_name="tasks_by_id", unique=True)
    verdicts = database.create_table(
        "verdicts",
        {
            "seq": int,
            "task": bytes,
            "netuid": int,
            "miner": bytes,
            "validator": bytes,
            "score": float,
            "reason": str,
            "judged_at_ms": int,
        },
        pk="seq",
    )
    verdicts.create_index(["task", "miner"], index_name="verdicts_by_task", unique=True)
    verdicts.create_index(["miner", "seq"], index_name="verdicts_by_miner")
    database.create_table(
        "scores",
        {"netuid": int, "hotkey": bytes, "score": float, "samples": float, "last_height": int},
        pk=("netuid", "hotkey"),
    )
    receipts = database.create_table("receipts", {"seq": int, "digest": bytes, "receipt": bytes}, pk="seq")
    receipts.create_index(["digest"], index_name="receipts_by_digest", unique=True)


def _secrets(database: sqlite_utils.Database) -> None:
    # What a validator has committed to and not yet revealed: without it the weights of an epoch are lost.
    secrets = database.create_table(
        "secrets", {"seq": int, "netuid": int, "digest": bytes, "height": int, "body": bytes}, pk="seq"
    )
    secrets.create_index(["netuid", "digest"], index_name="secrets_by_digest", unique=True)


def _records(database: sqlite_utils.Database) -> None:
    # What a validator publishes of its judging, an epoch at a time, and the seeds it draws challenges from.
    database.create_table(
        "records",
        {"netuid": int, "validator": bytes, "epoch": int, "before": bytes, "head": bytes},
        pk=("netuid", "validator", "epoch"),
    )
    database.create_table(
        "record_lines",
        {"netuid": int, "validator": bytes, "epoch": int, "number": int, "line": bytes},
        pk=("netuid", "validator", "epoch", "number"),
    )
    answers = database.create_table(
        "record_answers",
        {"seq": int, "netuid": int, "validator": bytes, "epoch": int, "question": bytes, "miner": bytes, "body": bytes},
        pk="seq",
    )
    answers.create_index(["question", "miner"], index_name="record_answers_by_question", unique=True)
    database.create_table(
        "seeds",
        {"netuid": int, "validator": bytes, "first_round": int, "root": bytes, "used_round": int},
        pk=("netuid", "validator", "first_round"),
    )
    # What is counted of receipts without decoding them; those kept before this step say nothing about themselves.
    for column in (
        "netuid INTEGER NOT NULL DEFAULT 0",
        "kind TEXT NOT NULL DEFAULT ''",
        "caller BLOB NOT NULL DEFAULT x''",
        "miner BLOB NOT NULL DEFAULT x''",
        "model TEXT NOT NULL DEFAULT ''",
        "kept_at_ms INTEGER NOT NULL DEFAULT 0",
        "prompt_tokens INTEGER NOT NULL DEFAULT 0",
        "completion_tokens INTEGER NOT NULL DEFAULT 0",
        "units INTEGER NOT NULL DEFAULT 0",
        "spent_rao INTEGER NOT NULL DEFAULT 0",
    ):
        database.execute(f"ALTER TABLE receipts ADD COLUMN {column}")


def _seats(database: sqlite_utils.Database) -> None:
    # Who held which seat with what stake, as this node saw it: changes by block, and the stretches that it followed.
    database.create_table(
        "seats",
        {"netuid": int, "height": int, "uid": int, "hotkey": bytes, "stake_rao": int, "permit": int},
        pk=("netuid", "uid", "height"),
    )
    database.create_table("seat_stretches", {"netuid": int, "first": int, "last": int}, pk=("netuid", "first"))


STEPS = (
    Step(1, "first", _first), Step(2, "secrets", _secrets), Step(3, "records", _records), Step(4, "seats", _seats),
)  # fmt: skip
