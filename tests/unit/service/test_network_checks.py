"""Promises of the doctor about the network: each trouble is seen, with a fix that fits where the node runs."""

import platform
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node.control.schema import Check
from node.service import network_checks as checks
from node.service import surroundings
from p2p import AddressReach, Discovery, PeerView, Reachability

PEER = "12D3KooWQSztTaXGEy5t5Zvcwu4DNiEs8kMkkXgkZLzAmjX6wzTc"
DIRECT = PeerView("12D3a", (), "out", 5.0, "neurond/0.0.1", 0.0, 0.0)
RELAYED = PeerView("12D3b", (), "out", 5.0, "neurond/0.0.1", 0.0, 0.0, "relayed", "it cannot be dialled")
AT_RELAY = f"/ip4/9.9.9.9/tcp/1/p2p/{PEER}/p2p-circuit/p2p/{PEER}"
NOWHERE = Reachability("unreachable", "2 peers could not dial back")
FOUND = Reachability("direct", "", (AddressReach("/a", 1, 1),))

ROWS: list[tuple[str, Callable[[], Check | None], str]] = [
    ("direct", lambda: checks.reach_check(FOUND), "ok"),
    ("unreachable", lambda: checks.reach_check(NOWHERE), "warn"),
    ("reach unknown", lambda: checks.reach_check(Reachability("unknown")), "warn"),
    ("outbound only", lambda: checks.reach_check(Reachability("not_listening")), "ok"),
    ("at a relay", lambda: checks.reach_check(Reachability("relayed", "a place at one relay")), "ok"),
    ("lookups", lambda: checks.lookup_check(Discovery(5, 90.0), 100.0, peers=2), "ok"),
    ("no lookup yet", lambda: checks.lookup_check(Discovery(5), 100.0, peers=2), "ok"),
    ("empty table", lambda: checks.lookup_check(Discovery(0), 100.0, peers=0), "warn"),
    ("lookups fail", lambda: checks.lookup_check(Discovery(5, None, "nobody answers"), 100.0, peers=2), "warn"),
    ("old lookup", lambda: checks.lookup_check(Discovery(5, 90.0), 90.0 + 7200.0, peers=2), "warn"),
    ("all direct", lambda: checks.ways_check((DIRECT,), FOUND), "ok"),
    ("some relayed", lambda: checks.ways_check((DIRECT, RELAYED), NOWHERE), "ok"),
    ("all relayed", lambda: checks.ways_check((RELAYED,), NOWHERE), "warn"),
    ("place held", lambda: checks.relay_check((AT_RELAY,), NOWHERE), "ok"),
    ("no place", lambda: checks.relay_check((), NOWHERE), "warn"),
    ("addresses", lambda: checks.families_check((f"/ip4/8.8.8.8/tcp/1/p2p/{PEER}", "/ip6/::1/tcp/2")), "ok"),
    ("any port", lambda: checks.free_ports_check(("/ip4/0.0.0.0/tcp/0",)), "ok"),
]


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    surroundings.surroundings.cache_clear()
    yield
    surroundings.surroundings.cache_clear()


@pytest.mark.parametrize(("check", "state"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_each_trouble_has_its_state_and_its_fix(check: Callable[[], Check | None], state: str) -> None:
    row = check()
    assert row is not None
    assert row.state == state, row
    assert row.found
    assert bool(row.fix) == (state != "ok")


def test_rows_that_would_say_nothing_are_left_out() -> None:
    assert checks.ways_check((), FOUND) is None
    assert checks.relay_check((), FOUND) is None
    assert checks.families_check(()) is None
    assert checks.families_check((AT_RELAY,)) is None or "IPv4" in str(checks.families_check((AT_RELAY,)))


def test_families_and_scopes_are_counted_apart() -> None:
    row = checks.families_check(
        ("/ip4/8.8.8.8/tcp/1", "/ip4/10.0.0.1/tcp/1", "/ip6/2606:4700::1111/tcp/1", "/ip4/127.0.0.1/tcp/1")
    )
    assert row is not None
    assert row.found == "1 loopback IPv4, 1 private IPv4, 1 public IPv4, 1 public IPv6"
    alone = checks.families_check(("/ip4/127.0.0.1/tcp/1",))
    assert alone is not None
    assert "only programs on this machine" in alone.found


def test_why_connections_are_relayed_is_told_with_the_number_of_each_reason() -> None:
    row = checks.ways_check((RELAYED, RELAYED, DIRECT), NOWHERE)
    assert row is not None
    assert row.found == "1 direct, 2 through a relay: it cannot be dialled (2)"


def test_a_port_that_another_program_has_is_bad_and_named() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen(1)
        port = holder.getsockname()[1]
        row = checks.free_ports_check(("/ip4/127.0.0.1/tcp/0", f"/ip4/127.0.0.1/tcp/{port}"))
        assert row.state == "bad"
        assert f"TCP {port}" in row.found
        assert row.fix
    assert checks.free_ports_check((f"/ip4/127.0.0.1/tcp/{port}",)).state == "ok"


@pytest.mark.parametrize(
    ("release", "files", "word"),
    [("6.1.0", False, "router"), ("6.1.0", True, "docker run -p"), ("5.15.90.1-microsoft-standard-WSL2", False, "WSL")],
)
def test_the_fix_for_a_closed_port_fits_where_the_node_runs(
    release: str, files: bool, word: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("container", raising=False)
    monkeypatch.setattr(platform, "release", lambda: release)
    monkeypatch.setattr(surroundings, "_CONTAINER_FILES", (tmp_path,) if files else ())
    assert word in checks.reach_check(NOWHERE).fix
