"""One session's questions and answers: what was said, how fast, and what is sent along as context. No widget here."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from node.control.schema import AskDone, AskPart, ChatMessage, Task
from tui.limits import ANSWER_CHARS_MAX, MESSAGES_CHARS_MAX, TURNS_SENT
from tui.text import clean, count, float_of, millis, short
from tui.themes import Tone

TurnState = Literal["waiting", "streaming", "done", "stopped", "failed"]


@dataclass(slots=True)
class Turn:
    """A question and what became of it. Times are seconds of the app's clock."""

    question: str
    started_s: float
    state: TurnState = "waiting"
    answer: str = ""
    parts: int = 0
    first_s: float | None = None
    ended_s: float | None = None
    done: AskDone | None = None
    failure: str = ""
    version: int = field(default=0)

    @property
    def running(self) -> bool:
        return self.state in ("waiting", "streaming")

    def add(self, part: AskPart, now_s: float) -> None:
        """Take in the next piece of the answer; text beyond the bound is dropped."""
        self.version += 1
        if part.text:
            if self.first_s is None:
                self.first_s = now_s
            self.state = "streaming"
            self.parts += 1
            self.answer = (self.answer + part.text)[:ANSWER_CHARS_MAX]
        if part.done is not None:
            self.done = part.done
            self.end("done", now_s)

    def end(self, state: TurnState, now_s: float, failure: str = "") -> None:
        """Close the turn; the first end counts."""
        if self.running:
            self.state, self.ended_s, self.failure = state, now_s, failure
            self.version += 1

    def tokens(self) -> int:
        return self.done.completion_tokens if self.done is not None else self.parts

    def first_token_ms(self) -> float | None:
        """Latency of the first token: the node's own figure, or what this window saw."""
        if self.done is not None:
            return self.done.first_token_ms
        return None if self.first_s is None else 1000 * (self.first_s - self.started_s)

    def tokens_per_s(self, now_s: float) -> float | None:
        """Tokens a second from the first token on."""
        if self.done is not None:
            span_s = (float_of(self.done.total_ms) - float_of(self.done.first_token_ms)) / 1000
        elif self.first_s is not None:
            span_s = (self.ended_s or now_s) - self.first_s
        else:
            return None
        return (self.tokens() - 1) / span_s if span_s > 0.05 and self.tokens() > 1 else None


def messages_for(turns: Iterable[Turn], question: str) -> tuple[ChatMessage, ...]:
    """Return the question with the latest finished turns before it, within the bounds on what is sent."""
    messages: list[ChatMessage] = [ChatMessage("user", question)]
    room = MESSAGES_CHARS_MAX - len(question)
    for turn in reversed([each for each in turns if each.state == "done" and each.answer]):
        room -= len(turn.question) + len(turn.answer)
        if room < 0 or len(messages) + 2 > TURNS_SENT:
            break
        messages[:0] = [ChatMessage("user", turn.question), ChatMessage("assistant", turn.answer)]
    return tuple(messages)


def verification(turn: Turn, task: Task | None) -> tuple[str, Tone]:
    """Return what is known about whether the answer was honest, as a sign and words."""
    if turn.done is None:
        return ("… at the end", "dim") if turn.running else ("– none", "dim")
    if task is None or (task.score is None and task.state != "failed"):
        return "◌ not judged yet", "dim"
    if task.state == "failed":
        return f"✖ refused: {clean(task.code, 40) or 'no reason given'}", "bad"
    score = float_of(task.score or 0.0)
    if score >= 0.8:
        return f"✓ verified {score:.2f}", "good"
    return (f"! doubtful {score:.2f}", "warn") if score >= 0.4 else (f"✖ bad {score:.2f}", "bad")


def facts(turn: Turn, now_s: float) -> list[str]:
    """Return what to say below an answer, shortest words."""
    said: list[str] = []
    if turn.done is not None:
        said.append(f"⚒ {short(turn.done.miner)}")
    speed = turn.tokens_per_s(now_s)
    if speed is not None:
        said.append(f"{speed:.1f} tok/s")
    if turn.first_token_ms() is not None:
        said.append(f"first token {millis(turn.first_token_ms())}")
    if turn.tokens():
        said.append(f"{count(turn.tokens())} tokens")
    if turn.done is not None and turn.done.finish_reason not in ("", "stop"):
        said.append(f"ended by {clean(turn.done.finish_reason, 20)}")
    return said
