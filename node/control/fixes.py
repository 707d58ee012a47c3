"""What to do about a finding of the doctor: the command in its advice, and whether it is safe to carry out from here.

Safe is what only repairs the user's own files or starts the user's own node; each is carried out by this program
itself, never by a shell. Everything else is shown and can be copied.
"""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from node.control.errors import RepairRefused
from node.control.limits import TARGET_CHARS_MAX
from node.control.schema import Check

_QUOTED: Final = re.compile(r"`([^`]{1,400})`")
_RUN: Final = re.compile(r"\bRun: (.+?)(?:, then look again)?$")
_CHMOD: Final = re.compile(r"chmod (600|700) '([^']{1,400})'")


@dataclass(frozen=True, slots=True)
class Fix:
    """The advice, the command in it ("" for none), and what this program can do itself."""

    advice: str
    command: str
    kind: Literal["show", "permissions", "start"]
    paths: tuple[tuple[int, Path], ...] = ()

    @property
    def is_safe(self) -> bool:
        return self.kind != "show"


def fix_of(check: Check, home: Path) -> Fix | None:
    """Return what to do about a finding of the node in `home`; None when nothing is to be done."""
    advice = "".join(each if each.isprintable() else " " for each in check.fix[:TARGET_CHARS_MAX])
    if not advice:
        return None
    run = _RUN.search(advice)
    quoted = _QUOTED.search(advice)
    command = run[1] if run else quoted[1] if quoted else ""
    changes = _permissions(command, home)
    if changes:
        return Fix(advice, command, "permissions", changes)
    return Fix(advice, command, "start" if command == "neurond up" else "show")


def repair(fix: Fix) -> str:
    """Take the access of others from the paths of a fix; return what was done. Blocks.

    Raises:
        RepairRefused: it is none of that kind, or a path is not this user's.
    """
    if fix.kind != "permissions":
        raise RepairRefused("This is not done from here.", remedy="Copy the command and run it in a terminal.")
    done = 0
    for mode, path in fix.paths:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise RepairRefused(f"{path} cannot be opened: {error.strerror}.", remedy="Look at it yourself.") from error
        try:
            facts = os.fstat(descriptor)
            if facts.st_uid != os.getuid() or not (stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode)):
                raise RepairRefused(f"{path} is not yours, or no file.", remedy="Look at it yourself.")
            os.fchmod(descriptor, mode)
        finally:
            os.close(descriptor)
        done += 1
    return f"{done} path{'s' * (done != 1)} are yours alone now."


def _permissions(command: str, home: Path) -> tuple[tuple[int, Path], ...]:
    """The paths of a command that is nothing but chmod of things in the home; () for any other."""
    parts = [part.strip() for part in command.split(";") if part.strip()]
    found = [_CHMOD.fullmatch(part) for part in parts]
    if not parts or not all(found):
        return ()
    changes = tuple((int(each[1], 8), Path(each[2])) for each in found if each is not None)
    inside = all(".." not in path.parts and (path == home or home in path.parents) for _, path in changes)
    return changes if inside else ()
