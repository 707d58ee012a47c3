"""What all views share: their base, the words of their fields, the form of an error.

Every struct is frozen JSON with stable keys; unknown keys are ignored on reading, so that fields may be added. Units
are in the names: `_rao` is 10^-9 τ, `_alpha` is 10^-9 α of the subnet at hand, `_u16` is a share of 65 535, `_ppm` is
parts per million. Accounts are ss58 text, hashes are 64 hex digits, times of day are Unix milliseconds.
"""

from typing import Literal

import msgspec

API_VERSION = 1

Role = Literal["staker", "miner", "validator"]
NodeState = Literal["starting", "syncing", "running", "stopping"]
LogLevel = Literal["debug", "info", "warning", "error"]
TaskState = Literal["running", "done", "failed"]
TransactionState = Literal["unknown", "pending", "in_block", "final", "failed"]
JobState = Literal["running", "done", "failed"]
ModelState = Literal["absent", "fetching", "ready", "corrupt"]
ReachState = Literal["unknown", "direct", "relayed", "unreachable", "not_listening"]
KeepMode = Literal["archive", "full", "light"]
CheckState = Literal["ok", "warn", "bad"]
Topic = Literal["status", "log", "tasks", "job"]

ROLES: tuple[Role, ...] = ("staker", "miner", "validator")
KEEP_MODES: tuple[KeepMode, ...] = ("archive", "full", "light")
TOPICS: tuple[Topic, ...] = ("status", "log", "tasks", "job")
LOG_LEVELS: tuple[LogLevel, ...] = ("debug", "info", "warning", "error")


class View(msgspec.Struct, frozen=True):
    """Base of everything that the daemon tells."""


class ErrorView(View, frozen=True):
    """A refusal: `code` is stable and for programs, `message` is a sentence, `hint` says what to do (may be empty)."""

    code: str
    message: str
    hint: str = ""
