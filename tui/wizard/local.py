"""The first run on this machine, by way of `node.control`; whatever fails for a known reason is a PortError."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from node.control.errors import error_view
from node.control.options import ProgressSink
from node.control.setup import Answers, Saved, WordCount
from node.control.setup_views import CheckStep, LanSurvey, MachineBench, TargetCheck
from tui.port import PortError
from tui.wizard.port import Tell

if TYPE_CHECKING:
    from node.control.setup_keys import Strength
    from node.control.setup_run import Outcome, Plan, Secrets


class LocalSetup:
    """See `tui.wizard.port.Setup`. What is heavy is imported when it is needed."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def saved(self) -> Saved | None:
        from node.control.setup_files import saved_setup

        with _expected():
            return saved_setup(self._home)

    def save(self, saved: Saved) -> None:
        from node.control.setup_files import save

        with _expected():
            save(self._home, saved)

    def forget(self) -> None:
        from node.control.setup_files import forget

        forget(self._home)

    def wallets(self) -> tuple[tuple[str, str], ...]:
        from node.control.wallets import wallet_store

        with _expected():
            return tuple((each.name, each.address) for each in wallet_store(self._home).wallets())

    def new_words(self, count: WordCount) -> str:
        from node.control.setup_keys import new_words

        return new_words(count)

    def words_fault(self, words: str) -> str:
        from node.control.setup_keys import words_fault

        return words_fault(words)

    def strength(self, password: str) -> "Strength":
        from node.control.setup_keys import strength

        return strength(password)

    def check(self, answers: Answers, tell: Tell) -> TargetCheck:
        from node.control.setup_run import check_target

        with _expected():
            return check_target(answers, self._home, tell)

    def check_host(self, answers: Answers) -> tuple[CheckStep, ...]:
        from node.control.setup_host import host_steps
        from node.control.setup_run import wallet_steps

        with _expected():
            return (*host_steps(answers, self._home), *wallet_steps(answers, self._home))

    def check_port(self, answers: Answers) -> CheckStep | None:
        from node.control.setup_run import check_port

        with _expected():
            return check_port(answers, self._home)

    def networks_near(self) -> LanSurvey:
        from node.control.setup_run import networks_near

        with _expected():
            return networks_near(lambda _: None)

    def measure(self, progress: ProgressSink) -> MachineBench:
        from node.control.setup_run import measure

        with _expected():
            return measure(progress)

    def find_node(self, text: str) -> tuple[Path, str]:
        from node.control.setup_run import find_node

        with _expected():
            return find_node(text)

    def plan(self, answers: Answers) -> "Plan":
        from node.control.setup_run import plan_of

        return plan_of(answers, self._home)

    def set_up(self, answers: Answers, secrets: "Secrets", progress: ProgressSink) -> "Outcome":
        from node.control.setup_run import set_up

        with _expected():
            return set_up(answers, secrets, self._home, progress)


@contextmanager
def _expected() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise PortError(f"{where}{error.strerror or error}.", "Check the path, its owner and free space.") from error
    except Exception as error:
        view = error_view(error)
        if view is None:
            raise
        raise PortError(view.message, view.hint, view.code) from error
