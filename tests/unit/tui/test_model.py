"""The model takes in events, stays bounded and knows what has changed."""

import msgspec
import pytest

from node.control.events import GapEvent, JobEvent, LogEvent, StatusEvent, TasksEvent
from node.control.schema import AskDone, AskPart, LogLine, Task
from tests.unit.tui import recorded
from tui.conversation import Turn, messages_for, verification
from tui.limits import ANSWER_CHARS_MAX, JOBS_MAX, LOG_LINES_MAX, MESSAGES_CHARS_MAX, TASKS_MAX, TURNS_SENT
from tui.looks import Look
from tui.model import Model
from tui.tables import task_rows
from tui.task_text import task_words


def test_an_event_changes_only_the_version_of_its_own_part() -> None:
    model = Model()
    before = dict(model.versions)
    model.apply(StatusEvent(1, recorded.status()))
    assert {part for part in before if model.versions[part] != before[part]} == {"status"}


def test_a_task_that_comes_again_replaces_itself() -> None:
    model = Model()
    first, *_ = recorded.tasks()
    model.apply(TasksEvent(1, recorded.tasks(), snapshot=True))
    model.apply(TasksEvent(2, (first,)))
    assert model.tasks is not None
    assert list(model.tasks).count(first.id) == 1
    assert len(model.tasks) == len(recorded.tasks())


def test_a_task_given_to_several_miners_is_one_task_with_all_of_them() -> None:
    model = Model()
    task = msgspec.structs.replace(recorded.tasks()[0], state="running", score=None, tokens=0)
    anna, bert, cleo = recorded.HOTKEYS[2:5]
    parts = {name: msgspec.structs.replace(task, miner=name) for name in (anna, bert, cleo)}
    model.apply(TasksEvent(1, tuple(parts.values()), snapshot=True))

    def now() -> Task:
        assert model.tasks is not None
        [one] = model.tasks.values()
        return one

    model.apply(TasksEvent(2, (msgspec.structs.replace(parts[anna], state="done", score=0.9, tokens=20),)))
    assert now().state == "running"
    assert [each.state for each in model.task_parts[task.id].values()] == ["done", "running", "running"]
    model.apply(TasksEvent(3, (msgspec.structs.replace(parts[bert], state="done", score=0.5, tokens=10),)))
    model.apply(TasksEvent(4, (msgspec.structs.replace(parts[cleo], state="failed", code="deadline_passed"),)))
    assert (now().state, now().miner, now().tokens, now().score) == ("done", bert, 30, pytest.approx(0.7))
    words = task_words(now(), Look(), 0, tuple(model.task_parts[task.id].values())).plain
    for word in ("3 miners", "done", "0.50", "deadline_passed"):
        assert word in words, word
    [row] = task_rows([now()], 0, model.task_parts)
    assert row.cells[3].text.endswith("+2")


def test_nothing_in_the_model_grows_without_end() -> None:
    model = Model()
    task, job = recorded.tasks()[0], recorded.role_job("running", 1)
    for number in range(3000):
        line = LogLine(number, 0, "info", "x", "y")
        model.apply(LogEvent(number, (line,)))
        model.apply(TasksEvent(number, (type(task)(**{**_fields(task), "id": str(number)}),)))
        model.apply(JobEvent(number, (type(job)(**{**_fields(job), "id": str(number)}),)))
    assert len(model.log) == LOG_LINES_MAX
    assert model.tasks is not None
    assert len(model.tasks) == len(model.task_parts) == TASKS_MAX
    assert len(model.jobs) == JOBS_MAX


def _fields(struct: object) -> dict[str, object]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}  # type: ignore[attr-defined]


def test_lost_log_lines_are_counted() -> None:
    model = Model()
    model.apply(GapEvent(1, "log", 17))
    assert model.log_lost == 17


def test_the_link_goes_from_live_to_stale_to_gone_and_back_with_its_age() -> None:
    model = Model()
    model.greet(recorded.hello(), 100.0)
    links = []
    for now_s, connected, stale in ((101, True, False), (107, True, True), (112, False, True), (113, True, False)):
        model.observe(float(now_s), 0, connected=connected, stale=stale)
        links.append((model.link, model.silent_s))
    assert links == [("live", 0.0), ("stale", 6.0), ("gone", 11.0), ("live", 0.0)]


def test_another_daemon_leaves_nothing_of_the_first_behind() -> None:
    model = Model()
    model.apply(StatusEvent(1, recorded.status()))
    versions = dict(model.versions)
    model.forget()
    assert model.status is None
    assert all(model.versions[part] > versions[part] for part in versions)


def test_an_answer_is_kept_within_its_bound() -> None:
    turn = Turn("?", 0.0)
    for _ in range(40):
        turn.add(AskPart("x" * 10_000), 1.0)
    assert len(turn.answer) == ANSWER_CHARS_MAX


def test_the_speed_is_that_of_the_miner_when_the_answer_is_whole() -> None:
    turn = Turn("?", 0.0)
    turn.add(AskPart("a"), 0.5)
    turn.add(AskPart(done=AskDone("stop", "m", "5F", 3, 41, 200.0, 1200.0)), 9.0)
    assert turn.tokens_per_s(99.0) == 40.0
    assert turn.first_token_ms() == 200.0


def test_context_is_the_latest_turns_within_the_bounds() -> None:
    turns = [Turn(f"q{number}", 0.0, state="done", answer=f"a{number}") for number in range(20)]
    sent = messages_for(turns, "now")
    assert len(sent) <= TURNS_SENT
    assert [each.content for each in sent[-3:]] == ["q19", "a19", "now"]
    long = [Turn("q", 0.0, state="done", answer="x" * MESSAGES_CHARS_MAX)]
    assert [each.content for each in messages_for(long, "now")] == ["now"]


def test_a_failed_turn_is_not_sent_as_context() -> None:
    assert len(messages_for([Turn("q", 0.0, state="failed", answer="half")], "now")) == 1


def test_the_receipt_says_what_the_validator_found() -> None:
    turn = Turn("?", 0.0)
    turn.add(AskPart(done=AskDone("stop", "m", "5F", 3, 41, 200.0, 1200.0, "task-answer")), 1.0)
    assert "not judged" in verification(turn, None)[0]
    assert verification(turn, recorded.judged_answer()) == ("✓ verified 0.97", "good")
