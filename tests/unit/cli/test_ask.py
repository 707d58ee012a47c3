"""`neurond ask` by a template: its instruction goes first, and an unknown name lists those that there are."""

from node.market.templates import TEMPLATES
from tests.unit.cli.conftest import Run
from tests.unit.control.fake import Served


def test_a_question_may_be_asked_by_a_template(run: Run, node: Served) -> None:
    assert run("ask", "a,b", "--as", "clean-csv", "--system", "Keep the order.").code == 0
    messages = next(given[0] for name, given in node.api.calls if name == "ask")
    assert [each.role for each in messages] == ["system", "user"]
    assert messages[0].content.endswith("Keep the order.")
    unknown = run("ask", "a,b", "--as", "x")
    assert unknown.code == 2
    assert all(name in unknown.err for name in (each.name for each in TEMPLATES))
