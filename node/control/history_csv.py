"""An account's past as CSV: exact amounts, one line an event, for spreadsheets and tax programs."""

import csv
import datetime
import io
from collections.abc import Iterable
from typing import Final

from node.control.views.history import HistoryItem

_UNIT: Final = 10**9
_COLUMNS: Final = (
    "time_utc", "block", "event", "direction", "other", "netuid", "free_tao_change", "tao", "alpha",
)  # fmt: skip


def history_csv(items: Iterable[HistoryItem]) -> str:
    """Return the rows as CSV with a head line; amounts in whole τ and α with all nine digits."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for each in items:
        writer.writerow(
            (
                utc_text(each.time_ms), each.height, each.event, each.direction, each.other,
                "" if each.netuid is None else each.netuid, _exact(each.free_rao), _exact(each.tao_rao),
                _exact(each.alpha),
            )
        )  # fmt: skip
    return out.getvalue()


def utc_text(time_ms: int) -> str:
    """Return a time as 2027-01-02 03:04:05, "" for 0, which is no time."""
    if not time_ms:
        return ""
    return datetime.datetime.fromtimestamp(time_ms / 1000, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")


def _exact(amount: int) -> str:
    sign = "-" if amount < 0 else ""
    whole, part = divmod(abs(amount), _UNIT)
    return f"{sign}{whole}.{part:09d}"
