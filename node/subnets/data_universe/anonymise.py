"""Rows without people: names and addresses as keyed hashes, contacts in texts masked, times to the minute.

The key is drawn for one data set and thrown away with it: nobody, this node included, can find a name or an address
from what stands in their place, nor join two data sets by it. What a text says about a person in words stays.
"""

import hashlib
import re
from datetime import UTC, datetime
from typing import Final

from node.subnets.data_universe.entities import Entity

KEY_BYTES: Final = 32
NAME_BYTES: Final = 16  # 128 bits: no two names meet
_EMAIL: Final = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_HANDLE: Final = re.compile(r"(?<![\w/@])@\w[\w.-]{0,62}(?:@[\w.-]{1,253})?")
_USER: Final = re.compile(r"(?<![\w/])/?u/[\w-]{2,64}")
_PHONE: Final = re.compile(
    r"(?<![\w.])(?:\+|00)?\d{1,4}[ ./-]?(?:\(\d{1,5}\)[ ./-]?)?\d{2,5}(?:[ ./-]?\d{2,5}){1,4}(?![\w.])"
)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}")
_LAST_MINUTE: Final = int(datetime(9999, 12, 31, 23, 59, tzinfo=UTC).timestamp()) // 60
_DIGITS_MIN: Final = 8  # of a telephone number; years and prices have fewer


def encoded(key: bytes, value: str) -> str:
    """What stands in the place of a name or an address; "" for none."""
    return hashlib.blake2b(value.encode(), key=key, digest_size=NAME_BYTES).hexdigest() if value else ""


def masked(text: str) -> str:
    """A text with e-mail addresses, handles and telephone numbers masked."""
    text = _HANDLE.sub("[user]", text)
    text = _EMAIL.sub("[email]", text)
    text = _USER.sub("[user]", text)
    return _PHONE.sub(_phone, text)


def _phone(found: re.Match[str]) -> str:
    digits = sum(char.isdigit() for char in found[0])
    return "[phone]" if digits >= _DIGITS_MIN and not _DATE.fullmatch(found[0]) else found[0]


def row_of(entity: Entity, key: bytes) -> dict[str, str]:
    """A row of a data set: only texts, so that every reader takes it alike."""
    return {
        "text": masked(entity.content),
        "label": entity.label,
        "source": entity.source.name.lower(),
        "datetime": iso_of(entity.minute),
        "username_encoded": encoded(key, entity.author),
        "url_encoded": encoded(key, entity.uri),
    }


def iso_of(minute: int) -> str:
    """Minutes since 1970 as ISO 8601 in UTC; later than the calendar goes, its last one."""
    return datetime.fromtimestamp(60 * min(minute, _LAST_MINUTE), UTC).strftime("%Y-%m-%dT%H:%M:00Z")


COLUMNS: Final = ("text", "label", "source", "datetime", "username_encoded", "url_encoded")
