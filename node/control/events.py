"""What a subscription delivers: first a snapshot of each topic, then numbered changes.

`seq` counts up by one within a subscription. A client too slow for the daemon misses changes and is told so by a
`GapEvent`; it never slows the daemon down. A `Heartbeat` comes at least every two seconds.
"""

import msgspec

from node.control.schema import Job, LogLine, NodeStatus, Task, Topic


class Event(msgspec.Struct, frozen=True, tag_field="topic"):
    """Base of all events."""

    seq: int


class StatusEvent(Event, frozen=True, tag="status"):
    """The newest status; older ones that were not delivered in time are skipped, not queued."""

    status: NodeStatus


class LogEvent(Event, frozen=True, tag="log"):
    """New log lines, or with `snapshot` the latest ones so far."""

    lines: tuple[LogLine, ...]
    snapshot: bool = False


class TasksEvent(Event, frozen=True, tag="tasks"):
    """Tasks that are new or have changed (same id: replace), or with `snapshot` all recent ones, oldest first."""

    tasks: tuple[Task, ...]
    snapshot: bool = False


class JobEvent(Event, frozen=True, tag="job"):
    """Jobs that are new or have changed (same id: replace), or with `snapshot` all recent ones, oldest first."""

    jobs: tuple[Job, ...]
    snapshot: bool = False


class GapEvent(Event, frozen=True, tag="gap"):
    """`lost` changes of `of` were dropped because this client was too slow; a fresh snapshot of the topic follows."""

    of: Topic
    lost: int


class Heartbeat(Event, frozen=True, tag="heartbeat"):
    """The daemon is alive; `time_ms` is its clock."""

    time_ms: int


AnyEvent = StatusEvent | LogEvent | TasksEvent | JobEvent | GapEvent | Heartbeat
