"""The board for Grafana that is kept in docs/grafana.json: `python -m docs.grafana` writes it anew.

It asks for metrics of `GET /metrics` only; a test holds every name against the program. Nothing here is read by a node.
"""

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

TARGET: Final = Path(__file__).with_name("grafana.json")
_ROW_HEIGHT: Final = 7
_COLUMNS: Final = 3
_WIDTH: Final = 24 // _COLUMNS  # a board is 24 wide
_SOURCE: Final = {"type": "prometheus", "uid": "${source}"}


class Line(NamedTuple):
    """A query and what its line is called."""

    query: str
    legend: str


class Panel(NamedTuple):
    """One chart; `unit` is a name of Grafana's."""

    title: str
    unit: str
    lines: tuple[Line, ...]


_OF: Final = '{instance=~"$instance"}'
PANELS: Final = (
    Panel("Blocks", "none", (
        Line(f"neurond_chain_height_blocks{_OF}", "height {{instance}}"),
        Line(f"neurond_chain_finalized_height_blocks{_OF}", "final {{instance}}"),
    )),
    Panel("Blocks that became final, a minute", "none", (
        Line(f"rate(neurond_chain_finalized_height_blocks{_OF}[5m]) * 60", "{{instance}}"),
    )),
    Panel("Behind the peers", "none", (Line(f"neurond_sync_behind_blocks{_OF}", "blocks {{instance}}"),)),
    Panel("Peers", "none", (
        Line(f"sum by (instance) (neurond_p2p_peers{_OF})", "connected {{instance}}"),
        Line(f"neurond_p2p_bans{_OF}", "kept out {{instance}}"),
    )),
    Panel("Peers by score", "none", (Line(f"sum by (band) (neurond_p2p_scores{_OF})", "{{band}}"),)),
    Panel("Network traffic", "Bps", (
        Line(f"sum by (direction) (rate(neurond_p2p_bytes_total{_OF}[5m]))", "{{direction}}"),
    )),
    Panel("Gossip, a second", "none", (
        Line(f"sum by (event) (rate(neurond_p2p_gossip_messages_total{_OF}[5m]))", "{{event}}"),
        Line(f"sum by (reason) (rate(neurond_p2p_gossip_dropped_total{_OF}[5m]))", "dropped: {{reason}}"),
    )),
    Panel("Work, a minute", "none", (
        Line(f"sum by (event) (rate(neurond_role_events_total{_OF}[5m])) * 60", "{{event}}"),
    )),
    Panel("Latest tasks", "none", (Line(f"sum by (state) (neurond_recent_tasks{_OF})", "{{state}}"),)),
    Panel("Requests of the gateway, a second", "reqps", (
        Line(f"sum by (route, status) (rate(neurond_gateway_requests_total{_OF}[5m]))", "{{route}} {{status}}"),
    )),
    Panel("Time of a request", "s", (
        Line(
            f"sum by (route) (rate(neurond_gateway_request_seconds_total{_OF}[5m]))"
            f" / sum by (route) (rate(neurond_gateway_requests_total{_OF}[5m]))",
            "{{route}}",
        ),
    )),
    Panel("τ of the coldkey", "none", (
        Line(f"neurond_balance_rao{_OF} / 1e9", "free {{instance}}"),
        Line(f"neurond_stake_rao{_OF} / 1e9", "staked {{instance}}"),
    )),
    Panel("How late the event loop runs", "s", (Line(f"neurond_loop_lag_seconds{_OF}", "{{instance}}"),)),
    Panel("Processor", "percentunit", (Line(f"rate(neurond_cpu_seconds_total{_OF}[5m])", "{{instance}}"),)),
    Panel("Memory", "bytes", (Line(f"neurond_resident_memory_bytes{_OF}", "{{instance}}"),)),
)  # fmt: skip


def board() -> dict[str, Any]:
    """The whole board, as Grafana imports it; its source and its nodes are chosen there."""
    return {
        "title": "neurond",
        "uid": "neurond",
        "schemaVersion": 39,
        "refresh": "10s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [
            {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
            {
                "name": "instance", "type": "query", "label": "node", "datasource": _SOURCE,
                "query": "label_values(neurond_info, instance)", "includeAll": True, "multi": True, "refresh": 2,
            },
        ]},
        "panels": [_panel(number, each) for number, each in enumerate(PANELS)],
    }  # fmt: skip


def text() -> str:
    """The file."""
    return json.dumps(board(), indent=1, ensure_ascii=False) + "\n"


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number, _COLUMNS)
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": {"h": _ROW_HEIGHT, "w": _WIDTH, "x": column * _WIDTH, "y": row * _ROW_HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": _SOURCE, "expr": line.query, "legendFormat": line.legend}
            for place, line in enumerate(panel.lines)
        ],
    }


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
