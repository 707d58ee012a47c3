"""What the first run needs from outside, beside `tui.port`: tests of answers, saving them, and carrying them out.

All methods block and belong into a worker thread; each raises PortError for what is expected to fail.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from node.control.options import ProgressSink
from node.control.setup import Answers, Saved, WordCount
from node.control.setup_keys import Strength
from node.control.setup_run import Outcome, Plan, Secrets
from node.control.setup_views import CheckStep, LanSurvey, MachineBench, TargetCheck

Tell = Callable[[CheckStep], None]


class Setup(Protocol):
    """Implemented by `tui.wizard.local`, and by recorded data in tests."""

    def saved(self) -> Saved | None:
        """Return the answers of an unfinished setup; damaged ones are a PortError."""
        ...

    def save(self, saved: Saved) -> None:
        """Keep answers for after a crash."""
        ...

    def forget(self) -> None:
        """Remove what `save` kept, and the home if nothing else is in it."""
        ...

    def wallets(self) -> tuple[tuple[str, str], ...]:
        """Return name and address of the wallets that the home has."""
        ...

    def new_words(self, count: WordCount) -> str:
        """Return fresh recovery words."""
        ...

    def words_fault(self, words: str) -> str:
        """Return what is wrong with recovery words, empty when nothing is."""
        ...

    def strength(self, password: str) -> Strength:
        """Judge a new password."""
        ...

    def check(self, answers: Answers, tell: Tell) -> TargetCheck:
        """Dial and question the target of answers, telling each step."""
        ...

    def check_host(self, answers: Answers) -> tuple[CheckStep, ...]:
        """Test home, disk, port and the wallet's place."""
        ...

    def check_port(self, answers: Answers) -> CheckStep | None:
        """Have a peer come back in through the port; up to half a minute. None where there is no port to test."""
        ...

    def networks_near(self) -> LanSurvey:
        """Listen on the local network for some seconds."""
        ...

    def measure(self, progress: ProgressSink) -> MachineBench:
        """Measure this machine for about ten seconds."""
        ...

    def find_node(self, text: str) -> tuple[Path, str]:
        """Return home and description of a running node that `text` names."""
        ...

    def plan(self, answers: Answers) -> Plan:
        """Return what `set_up` would do."""
        ...

    def set_up(self, answers: Answers, secrets: Secrets, progress: ProgressSink) -> Outcome:
        """Make keys and start the node; its `home` is what to attach to."""
        ...
