"""What this node's user wants of the subnet: sources to collect from, standing orders, room. A JSON file in its folder.

Written by commands and the local API, read by the running node whenever it changed; whoever writes replaces it whole.
"""

from pathlib import Path
from typing import Final, TypeVar

import msgspec

from node.market.errors import MalformedMessage
from node.subnets.data_universe.adapters.base import CollectJob
from node.subnets.data_universe.entities import Source, label_of
from node.subnets.data_universe.errors import BadSource
from node.subnets.data_universe.fetching import canonical_url
from node.subnets.data_universe.limits import SOURCES_MAX, STORE_BYTES_DEFAULT, TASKS_MAX

T = TypeVar("T")
FILE: Final = "settings.json"
STATUS_FILE: Final = "sources-status.json"
_FILE_BYTES_MAX: Final = 4 * 1024 * 1024
MINUTES_MIN: Final = 1
MINUTES_MAX: Final = 7 * 24 * 60
_NETWORKED: Final = frozenset({"feed", "hn", "activity", "web"})


class StandingOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A standing order of the user: rows with these labels or keywords, kept until a day; `found` so far."""

    id: str
    labels: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    until_ms: int = 0
    found: int = 0


class Settings(msgspec.Struct, frozen=True):
    """Everything the user has said."""

    jobs: tuple[CollectJob, ...] = ()
    orders: tuple[StandingOrder, ...] = ()
    bytes_max: int = STORE_BYTES_DEFAULT
    allowed_hosts: tuple[str, ...] = ()  # `name:port` in a private network that may be read from


class JobStatus(msgspec.Struct, frozen=True):
    """How collecting from one source goes. Times in ms since 1970, 0 for never."""

    target: str
    source: str
    last_ms: int = 0
    next_ms: int = 0
    since_minute: int = 0
    runs: int = 0
    failures: int = 0  # in a row
    items: int = 0
    new: int = 0
    known: int = 0
    in_the_future: int = 0
    badly_encoded: int = 0
    problem: str = ""


class CollectStatus(msgspec.Struct, frozen=True):
    """How collecting goes altogether; `paused` says why nothing is taken in."""

    jobs: tuple[JobStatus, ...] = ()
    paused: str = ""
    rows: int = 0


def read_settings(folder: Path) -> Settings:
    """The settings in a folder; the usual ones when there are none. Raises BadSource for a damaged file."""
    return _read(folder / FILE, Settings)


def read_status(folder: Path) -> CollectStatus:
    """How collecting goes, as the running node last wrote it."""
    return _read(folder / STATUS_FILE, CollectStatus)


def write_settings(folder: Path, settings: Settings) -> None:
    """Replace the settings. Raises BadSource for more than the bounds allow."""
    if len(settings.jobs) > SOURCES_MAX or len(settings.orders) > TASKS_MAX:
        raise BadSource(f"At most {SOURCES_MAX} sources and {TASKS_MAX} standing orders.")
    for job in settings.jobs:
        check_job(job)
    _write(folder / FILE, settings)


def write_status(folder: Path, status: CollectStatus) -> None:
    """Tell how collecting goes."""
    _write(folder / STATUS_FILE, status)


def check_job(job: CollectJob) -> None:
    """Raise BadSource, saying what is wrong, for a source that cannot be collected from."""
    kinds = sorted(_NETWORKED | {Source.FILES.name.lower()})
    if job.source not in kinds:
        raise BadSource(f"{job.source[:40]!r} is no kind of source; there are {', '.join(kinds)}.")
    if not MINUTES_MIN <= job.every_minutes <= MINUTES_MAX:
        raise BadSource(f"A source is read every {MINUTES_MIN} to {MINUTES_MAX} minutes.")
    try:
        label_of(job.label)
    except MalformedMessage as error:
        raise BadSource(error.message) from error
    if job.source in _NETWORKED and not canonical_url(job.target) and not (job.source == "hn" and not job.target):
        raise BadSource(f"{job.target[:80]!r} is no web address.")
    if job.source == "files" and not Path(job.target).expanduser().is_dir():
        raise BadSource(f"{job.target[:200]!r} is no folder.")


def _read(path: Path, kind: type[T]) -> T:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return kind()
    try:
        if len(data) > _FILE_BYTES_MAX:
            raise BadSource(f"The file {path} is larger than {_FILE_BYTES_MAX >> 20} MB.")
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadSource(
            f"The file {path} is damaged ({error}).", remedy="Move it aside and name your sources anew."
        ) from error


def _write(path: Path, value: msgspec.Struct) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=2))
    part.replace(path)
