"""The board for Grafana is the one that is described, and asks for nothing that no node tells."""

import ast
import inspect
import json
import re

from docs import grafana
from node.gateway import traffic
from node.service import metrics, network_metrics

NAME = re.compile(r"neurond_(\w+)")


def told() -> set[str]:
    """The names of all metrics, read from the program."""
    found: set[str] = set()
    for module in (metrics, network_metrics, traffic):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Family", "gauge", "by_label"):
                name = node.args[0]
                if isinstance(name, ast.Constant):
                    found.add(str(name.value))
    return found


def test_the_kept_board_is_the_described_one() -> None:
    assert grafana.TARGET.read_text(encoding="utf-8") == grafana.text(), "python -m docs.grafana writes it anew"


def test_every_metric_of_the_board_is_told_by_nodes() -> None:
    asked = set(NAME.findall(" ".join(line.query for panel in grafana.PANELS for line in panel.lines)))
    assert asked
    assert asked <= told(), asked - told()


def test_panels_lie_beside_each_other_and_each_has_its_own_number() -> None:
    panels = json.loads(grafana.text())["panels"]
    cells = {(x, y) for each in panels for x in _span(each, "x", "w") for y in _span(each, "y", "h")}
    assert len(cells) == sum(each["gridPos"]["w"] * each["gridPos"]["h"] for each in panels)
    assert len({each["id"] for each in panels}) == len(panels)
    assert max(x for x, _ in cells) < 24


def _span(panel: dict[str, dict[str, int]], at: str, length: str) -> range:
    place = panel["gridPos"]
    return range(place[at], place[at] + place[length])
