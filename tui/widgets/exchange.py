"""One question and its growing answer."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from node.control.schema import Task
from tui.conversation import Turn, facts, verification
from tui.limits import ANSWER_CHARS_MAX, QUESTION_CHARS_MAX
from tui.text import clean_block, duration
from tui.widgets.draw import say


class Exchange(Vertical):
    """Redraws its answer only when the turn has grown."""

    DEFAULT_CSS = """
    Exchange { height: auto; margin: 0 1 1 1; }
    Exchange .question { height: auto; padding: 0 1; border-left: thick $secondary; background: $panel; }
    Exchange .answer { height: auto; padding: 0 1; border-left: thick $accent; }
    Exchange .facts { height: auto; padding: 0 1; border-left: thick $frame; color: $text-muted;
                      text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self, turn: Turn) -> None:
        super().__init__()
        self.turn = turn
        self._drawn: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        question = say(("You  ", "second"), clean_block(self.turn.question, QUESTION_CHARS_MAX))
        yield Static(question, classes="question", markup=False)
        yield Static("", classes="answer", markup=False)
        yield Static("", classes="facts", markup=False)

    def paint(self, now_s: float, task: Task | None) -> None:
        """Show the turn as it is now."""
        turn = self.turn
        key = (turn.version, int(4 * now_s) if turn.running else 0, task)
        if key == self._drawn or not self.is_mounted:
            return
        self._drawn = key
        self.query_one(".answer", Static).update(self._answer(turn, now_s))
        self.query_one(".facts", Static).update(self._facts(turn, now_s, task))

    def _answer(self, turn: Turn, now_s: float) -> Content:
        text = clean_block(turn.answer, ANSWER_CHARS_MAX).lstrip("\n")
        match turn.state:
            case "waiting":
                dots = "·" * (1 + int(2 * now_s) % 3)
                waited = duration(now_s - turn.started_s)
                return say((f"waiting for the first token {dots}", "dim"), (f"  {waited}", "dim"))
            case "streaming":
                return say(text, ("▌", "accent"))
            case "failed":
                return say(text + "\n" if text else "", ("✖ ", "bad"), turn.failure)
            case "stopped":
                return say(text, ("\n" if text else "", "plain"), ("■ stopped by you", "warn"))
            case "done":
                return say(text or ("(an empty answer)", "dim"))

    def _facts(self, turn: Turn, now_s: float, task: Task | None) -> Content:
        said = facts(turn, now_s)
        if turn.state == "done":
            return _fitting(say(verification(turn, task)), said, self.query_one(".facts").content_size.width)
        line = say((" · ".join(said), "dim"))
        if turn.running:
            return say(line, (" · " if line.plain else "", "dim"), ("esc stops", "dim"))
        return line


def _fitting(line: Content, said: list[str], cells: int) -> Content:
    """Return the line with as many of the facts as there is room for."""
    for each in said:
        longer = say(line, (f" · {each}", "dim"))
        if longer.cell_length > cells > 0:
            break
        line = longer
    return line
