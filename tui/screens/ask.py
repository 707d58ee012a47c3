"""Screen 2: ask the network and watch the answer arrive."""

import asyncio
from collections.abc import Callable, Iterable
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static
from textual.worker import Worker

from node.control.schema import ChatMessage, Task
from tui.conversation import Turn, messages_for, verification
from tui.limits import EXCHANGES_MAX, QUESTION_CHARS_MAX, STREAM_TICK_S
from tui.model import Model
from tui.port import API_ERRORS
from tui.screens.base import NodeScreen
from tui.text import clean, count, millis, plural, short
from tui.widgets.draw import field, rows, say
from tui.widgets.exchange import Exchange
from tui.widgets.line_input import LineInput

_WELCOME = (
    "Ask the network a question. A miner answers, token by token; a validator may check the answer afterwards. "
    "Answers come from small models: they are real, and often wrong."
)
_WRITING: Final = "ask something, enter sends, esc leaves the box"
_LEFT: Final = "keys open screens now; enter asks something"


class QuestionBox(Horizontal):
    """The prompt line; while it is empty it says where keys go."""

    def compose(self) -> ComposeResult:
        yield Static("❯ ", id="prompt", markup=False)
        yield LineInput(QUESTION_CHARS_MAX, placeholder=_WRITING, id="question")

    def on_descendant_focus(self) -> None:
        self._say_where(_WRITING)

    def on_descendant_blur(self) -> None:
        self._say_where(_LEFT)

    def _say_where(self, words: str) -> None:
        line = self.query_one("#question", LineInput)
        if not line.disabled:  # then it says why
            line.placeholder = words


class AskScreen(NodeScreen):
    """A conversation; its history lasts as long as the window."""

    NAME = "ask"
    COMMAND = 'ask "…"'
    HELP = (
        "Type a question, enter sends it. Esc stops a running answer; when none runs, esc leaves the box so that "
        "digits open screens again, and enter comes back to it."
    )
    CHANGES = frozenset({"write"})
    CSS_PATH = "ask.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop_or_leave", "Stop/leave box", priority=True),
        Binding("ctrl+n", "new", "New talk"),
        Binding("ctrl+y", "yank", "Copy answer"),
        Binding("pageup", "page(-1)", "Scroll up", show=False),
        Binding("pagedown", "page(1)", "Scroll down", show=False),
        Binding("k,up", "line(-1)", "Scroll up a line", show=False),
        Binding("j,down", "line(1)", "Scroll down a line", show=False),
        Binding("enter", "write", "Write a question", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.turns: list[Turn] = []
        self._answering: Worker[None] | None = None

    def body(self) -> Iterable[Widget]:
        talk = VerticalScroll(Static(_WELCOME, id="welcome", markup=False), id="talk", classes="pane")
        talk.border_title = Content("Talk")
        talk.can_focus = False
        side = Static("", id="answer-facts", classes="pane", markup=False)
        side.border_title = Content("Last answer")
        yield Horizontal(Vertical(talk, QuestionBox(id="box", classes="pane")), side)

    def on_mount(self) -> None:
        super().on_mount()
        line = self.query_one("#question", LineInput)
        if reason := self.why_not("write"):
            line.disabled, line.placeholder = True, reason
        line.focus()
        self.set_interval(STREAM_TICK_S, self._stream_tick)

    def paint_body(self, model: Model) -> None:
        for exchange in self.query(Exchange):
            exchange.paint(model.now_s, self._task_of(exchange.turn))
        self._paint_side(model)

    def _stream_tick(self) -> None:
        """Repaint the one answer that grows; four times a second would stutter."""
        if self.turns and self.turns[-1].running and self.is_current:
            now_s = self.node_app.clock.monotonic_s()
            exchange = self.query(Exchange).last()
            exchange.paint(now_s, None)
            self._keep_end_in_view()

    def _keep_end_in_view(self) -> None:
        talk = self.query_one("#talk", VerticalScroll)
        if talk.max_scroll_y - talk.scroll_offset.y <= 4:
            talk.scroll_end(animate=False)

    def _task_of(self, turn: Turn) -> Task | None:
        return (self.model.tasks or {}).get(turn.done.task_id) if turn.done is not None else None

    def _paint_side(self, model: Model) -> None:
        status = model.status
        lines = [say(("Nothing asked yet.", "dim"))] if not self.turns else _side(self.turns, model, self._task_of)
        if status is not None and status.gateway_url:
            lines += [say(""), say(("OpenAI form for programs", "dim")), say(clean(status.gateway_url, 80))]
        self.query_one("#answer-facts", Static).update(rows(lines))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        question = event.value.strip()
        if not question:
            return
        if self.turns and self.turns[-1].running:
            self.app.notify("An answer is still coming; esc stops it.", severity="warning", timeout=3)
            return
        event.input.value = ""
        self.ask(question)

    def ask(self, question: str) -> None:
        """Send a question, which may cost something; the answer streams into a new exchange."""
        if reason := self.why_not("write"):
            self.notify(reason, title="Nothing was asked", severity="warning", markup=False)
            return
        self.query_one("#welcome").display = False
        messages = messages_for(self.turns, question)
        turn = Turn(question, self.node_app.clock.monotonic_s())
        self.turns.append(turn)
        talk = self.query_one("#talk", VerticalScroll)
        talk.mount(Exchange(turn))
        while len(self.turns) > EXCHANGES_MAX:
            self.turns.pop(0)
            self.query(Exchange).first().remove()
        self.call_after_refresh(talk.scroll_end, animate=False)
        self._answering = self.run_worker(self._answer(turn, messages), group="ask")

    async def _answer(self, turn: Turn, messages: tuple[ChatMessage, ...]) -> None:
        clock = self.node_app.clock
        try:
            async for part in self.node_app.api.ask(messages):
                turn.add(part, clock.monotonic_s())
            turn.end("failed", clock.monotonic_s(), "The answer ended without a word on how. Ask again.")
        except asyncio.CancelledError:
            turn.end("stopped", clock.monotonic_s())
            raise
        except API_ERRORS as error:
            turn.end("failed", clock.monotonic_s(), clean(str(error)))
        finally:
            if self.is_attached and self.is_running:
                self.paint_body(self.model)
                self._keep_end_in_view()

    def action_stop_or_leave(self) -> None:
        """Stop a running answer; else leave the box, so that digits and letters are keys again."""
        if self.turns and self.turns[-1].running and self._answering is not None:
            self._answering.cancel()
        else:
            self.set_focus(None)

    def action_write(self) -> None:
        self.query_one("#question").focus()

    def action_new(self) -> None:
        """Begin a new talk: earlier questions are no longer sent along."""
        if self._answering is not None:
            self._answering.cancel()
        self.turns.clear()
        self.query(Exchange).remove()
        self.query_one("#welcome").display = True
        self._paint_side(self.model)

    def action_yank(self) -> None:
        answered = [turn for turn in self.turns if turn.answer]
        if answered:
            self.app.copy_to_clipboard(answered[-1].answer)
            self.app.notify("Copied the last answer", timeout=2)

    def action_page(self, direction: int) -> None:
        talk = self.query_one("#talk", VerticalScroll)
        talk.scroll_relative(y=direction * max(1, talk.size.height // 2), animate=False)

    def action_line(self, step: int) -> None:
        self.query_one("#talk", VerticalScroll).scroll_relative(y=step, animate=False)


def _side(turns: list[Turn], model: Model, task_of: Callable[[Turn], Task | None]) -> list[Content]:
    """Return the facts of the last answer and of the session."""
    turn = turns[-1]
    speed = turn.tokens_per_s(model.now_s)
    done = turn.done
    words, tone = verification(turn, task_of(turn))
    spoken = sum(each.tokens() for each in turns)
    return [
        field("miner", say(short(done.miner, 6, 6) if done else ("not known yet", "dim")), 12),
        field("model", say(clean(done.model, 60) if done else "–"), 12),
        field("first token", say(millis(turn.first_token_ms())), 12),
        field("speed", say("–" if speed is None else f"{speed:.1f} tokens/s"), 12),
        field("tokens", say(count(turn.tokens())), 12),
        field("in all", say(millis(done.total_ms) if done else "–"), 12),
        field("receipt", say((words, tone)), 12),
        say(""),
        say((f"{plural(len(turns), 'question')}, {plural(spoken, 'token')} in this talk", "dim")),
    ]
