"""What every subnet's messages are made of: codes, tasks, parts, usage, and the checks of text that travels.

Everything here is on the wire; it holds no rules and reaches nothing.
"""

import enum
import logging
import unicodedata
from typing import TypeVar

from node.market.errors import MalformedMessage
from node.primitives.codec import Wire, decode_canonical
from node.primitives.errors import DecodeError


class Code(enum.IntEnum):
    """Why a verdict, a refusal or an answer is what it is. Numbers travel on the wire and never change."""

    OK = 0
    WRONG = 1
    PARTIAL = 2
    TIMEOUT = 3
    UNREACHABLE = 4
    REFUSED = 5
    RATE_LIMITED = 6
    OVERLOADED = 7
    MALFORMED = 8
    TOO_LARGE = 9
    BAD_SIGNATURE = 10
    WRONG_MODEL = 11
    UNLIKELY = 12
    EARLY_END = 13
    OVERFIT = 14
    REPEATED = 15
    STALE = 16
    DUPLICATE = 17
    FORGED = 18
    OVERCLAIM = 19
    PLAGIARISED = 20
    ELIMINATED = 21
    UNCHECKABLE = 22
    VALIDATOR_FAULT = 23
    NO_DATA = 24
    FOREIGN = 25  # signed for another network
    MISADDRESSED = 26  # meant for another miner or another subnet
    UNREGISTERED = 27  # the caller holds no seat in the subnet
    MINER_FAULT = 28  # the miner's own program failed
    CANCELLED = 29  # the asker left before the end
    UNPAID = 30  # the caller has not paid what was delivered, or cannot pay for more


# --- messages -------------------------------------------------------------------------------------------------------


class Message(Wire, frozen=True):
    """Base of tasks and parts: canonical on the wire, checked by `check` before anyone uses it."""

    def check(self) -> None:
        """Raise MalformedMessage when a field breaks its bound; form and types are already right."""


class Usage(Wire, frozen=True):
    """What an answer consumed: tokens of a text, and units of the subnet's own kind (`Spec.unit`)."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    units: int = 0


class Part(Message, frozen=True):
    """One piece of an answer, numbered from 0; the last has `done` and the usage of the whole."""

    index: int
    done: bool
    usage: Usage


M = TypeVar("M", bound=Message)
_log = logging.getLogger(__name__)


def decode_message(kind: type[M], data: bytes, *, max_bytes: int) -> M:
    """Return the checked message in `data`. Raises MalformedMessage, whatever the bytes are."""
    try:
        message = decode_canonical(kind, data, max_bytes=max_bytes)
    except DecodeError as error:
        raise MalformedMessage(error.message) from error
    try:
        message.check()
    except MalformedMessage:
        raise
    except Exception as error:  # the check is a subnet's own program, and what it looks at is a stranger's
        _log.debug("the check of a %s failed", kind.__name__, exc_info=True)  # a stranger may send many
        raise MalformedMessage(f"A {kind.__name__} could not be checked: {type(error).__name__}.") from error
    return message


def check_text(name: str, text: str, *, max_chars: int) -> None:
    """Refuse text that is too long, not in Unicode form NFC, or holds a NUL or half a character."""
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise MalformedMessage(f"{name} holds half of a surrogate pair.")
    if len(text) > max_chars:
        raise MalformedMessage(f"{name} has {len(text)} characters; {max_chars} at most.")
    if "\x00" in text:
        raise MalformedMessage(f"{name} holds a NUL character.")
    if not unicodedata.is_normalized("NFC", text):
        raise MalformedMessage(f"{name} is not in Unicode form NFC.")
