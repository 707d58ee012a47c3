"""Promises about peers behind routers that translate addresses, kept on real ones: the kernel's, in machines of a lab.

    home a (192.168.1.2) - router a (5.5.5.1) -+
    home b (192.168.2.2) - router b (5.5.5.2) -+- the internet, with a relay (5.5.5.10) and strangers (5.5.5.20, .21)

The routers drop what nobody at home asked for, as those in shops do.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from libp2p.relay.circuit_v2.pb.circuit_pb2 import Status

from p2p import UnreachableError
from tests.netns.lab import Lab, why_not

REASON = why_not("iptables", "sysctl")
pytestmark = pytest.mark.skipif(REASON is not None, reason=str(REASON))

Found = TypeVar("Found")
NO_RESERVATION = int(Status.NO_RESERVATION)
RELAY_PORT = "/ip4/0.0.0.0/tcp/4001"


class Peer:
    """A node on a machine of the lab."""

    def __init__(self, lab: Lab, machine: str, folder: Path, listen: str, *bootstrap: str) -> None:
        words = lab.command(machine, sys.executable, "-m", "tests.netns.peer", folder / machine, listen, *bootstrap)
        with (folder / f"{machine}.log").open("w") as log:
            self.process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1
            )
        self.id: str = self._answer()["peer_id"]

    def ask(self, do: str, **parameters: object) -> dict[str, Any]:
        if self.process.stdin is None:
            raise RuntimeError("the peer takes no commands")
        print(json.dumps({"do": do, **parameters}), file=self.process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = "" if self.process.stdout is None else self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the peer ended with {self.process.wait()}; its log is beside its folder")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def route_to(self, other: "Peer") -> list[str] | None:
        """Route and reason, None while not connected."""
        found: list[str] | None = self.ask("show")["peers"].get(other.id)
        return found

    def circuits(self) -> list[str]:
        return [address for address in self.ask("show")["addresses"] if "/p2p-circuit/" in address]


def until(condition: Callable[[], Found], what: str, within_s: float = 60.0) -> Found:
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    pytest.fail(f"not within {within_s:g} s: {what}")


def home(lab: Lab, name: str, number: int, masquerade: tuple[str, ...]) -> None:
    """A machine behind a router of its own; `masquerade` are further words for the rule that translates."""
    router = lab.router(f"router-{name}")
    lab.machine(f"home-{name}")
    lab.cable("internet", f"to-{name}", router, "wan")
    lab.plug("internet", f"to-{name}", "exchange")
    lab.address(router, "wan", f"5.5.5.{number}/24")
    lab.cable(router, "lan", f"home-{name}", "eth0")
    lab.address(router, "lan", f"192.168.{number}.1/24")
    lab.address(f"home-{name}", "eth0", f"192.168.{number}.2/24", f"192.168.{number}.1")

    def rule(*words: str) -> None:
        lab.run(router, "iptables", *words)

    rule("-t", "nat", "-A", "POSTROUTING", "-o", "wan", "-p", "tcp", "-j", "MASQUERADE", *masquerade)
    for chain in ("INPUT", "FORWARD"):
        rule("-A", chain, "-i", "wan", "-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "ACCEPT")
        rule("-A", chain, "-i", "wan", "-j", "DROP")


def public(lab: Lab, name: str, number: int) -> None:
    """A machine that everybody can reach."""
    lab.machine(name)
    lab.cable("internet", f"to-{name}", name, "eth0")
    lab.plug("internet", f"to-{name}", "exchange")
    lab.address(name, "eth0", f"5.5.5.{number}/24")


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab() as lab:
        lab.machine("internet")
        lab.switch("internet", "exchange")
        public(lab, "relay", 10)
        yield lab


def start_homes(lab: Lab, folder: Path) -> tuple[Peer, Peer, Peer]:
    """The relay, and a node in each home that knows nothing but the relay; the second listens nowhere."""
    relay = Peer(lab, "relay", folder, RELAY_PORT)
    bootstrap = f"/ip4/5.5.5.10/tcp/4001/p2p/{relay.id}"
    second = Peer(lab, "home-b", folder, "none", bootstrap)
    until(lambda: relay.ask("show")["state"] == "direct", "the relay finds that it can be dialled")
    [circuit] = until(second.circuits, "the second home has a place on the relay")
    assert circuit == f"{bootstrap}/p2p-circuit/p2p/{second.id}"
    first = Peer(lab, "home-a", folder, "/ip4/0.0.0.0/tcp/4001", bootstrap)
    return relay, first, second


def failed_route(peer: Peer, other: Peer) -> list[str]:
    """Route and reason once hole punching is over and has failed; nothing before."""
    found = peer.route_to(other)
    return found if found is not None and "hole punching failed" in found[1] else []


def test_behind_two_routers_nobody_can_be_dialled(lab: Lab, tmp_path: Path) -> None:
    home(lab, "a", 1, ())
    home(lab, "b", 2, ())
    first = Peer(lab, "home-a", tmp_path, "/ip4/0.0.0.0/tcp/4001")
    second = Peer(lab, "home-b", tmp_path, "/ip4/0.0.0.0/tcp/4001")
    for peer, other, number in ((first, second, 2), (second, first, 1)):
        for address in (f"5.5.5.{number}", f"192.168.{number}.2"):
            failed = peer.ask("dial", address=f"/ip4/{address}/tcp/4001/p2p/{other.id}", timeout_s=2.0)
            assert failed["code"] == UnreachableError.code


def test_two_nodes_behind_two_routers_meet_at_a_relay_and_punch_a_hole(lab: Lab, tmp_path: Path) -> None:
    home(lab, "a", 1, ())
    home(lab, "b", 2, ())
    relay, first, second = start_homes(lab, tmp_path)
    until(lambda: (second.route_to(first) or [""])[0] == "direct", "the direct connection")
    until(lambda: (first.route_to(second) or [""])[0] == "direct", "the direct connection, seen from the other side")
    assert first.ask("echo", peer_id=second.id, size=100_000) == {"equal": True}
    shown = first.ask("show")
    assert shown["peers"][second.id] == ["direct", ""]
    assert shown["counters"].get("punch.direct", 0) + second.ask("show")["counters"].get("punch.direct", 0) >= 1
    until(lambda: first.ask("show")["state"] == "relayed", "the first home has a place too")
    carried = until(lambda: relay.ask("show")["counters"].get("relay.circuits.opened"), "a circuit was there before")
    assert carried >= 1


@pytest.mark.parametrize("symmetric", ["a", "b"])
def test_behind_a_symmetric_router_the_relay_stays_and_the_reason_is_told(
    lab: Lab, tmp_path: Path, symmetric: str
) -> None:
    home(lab, "a", 1, ("--random",) if symmetric == "a" else ())
    home(lab, "b", 2, ("--random",) if symmetric == "b" else ())
    _, first, second = start_homes(lab, tmp_path)
    for peer, other in ((second, first), (first, second)):
        route, reason = until(partial(failed_route, peer, other), "it says why")
        assert route == "relayed"
        assert "symmetric NAT" in reason
    assert first.ask("echo", peer_id=second.id, size=1 << 19) == {"equal": True}


def test_a_relay_is_no_open_proxy(lab: Lab, tmp_path: Path) -> None:
    public(lab, "stranger", 20)
    public(lab, "victim", 21)
    relay = Peer(lab, "relay", tmp_path, RELAY_PORT)
    bootstrap = f"/ip4/5.5.5.10/tcp/4001/p2p/{relay.id}"
    victim = Peer(lab, "victim", tmp_path, RELAY_PORT)
    stranger = Peer(lab, "stranger", tmp_path, "none", bootstrap)
    assert until(stranger.circuits, "a place for the stranger, so the relay serves")
    door = [f"/ip4/5.5.5.21/tcp/4001/p2p/{victim.id}"]
    assert stranger.ask("ask_relay", relay=relay.id, peer_id=victim.id, addresses=door) == {"status": NO_RESERVATION}
    victim.ask("dial", address=bootstrap)  # connected to the relay, but it asked for no place there
    assert stranger.ask("ask_relay", relay=relay.id, peer_id=victim.id, addresses=door) == {"status": NO_RESERVATION}
    counted = victim.ask("show")["counters"]
    assert counted.get("connections.inbound", 0) == 0  # nobody was sent to its door
    assert counted.get("relay.circuits.taken", 0) == 0
    assert relay.ask("show")["counters"].get("relay.bytes", 0) == 0
