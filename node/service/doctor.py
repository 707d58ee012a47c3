"""What is wrong with this node: the checks of a running one. Rows only, no cure; each bad row says what to do."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from node.consensus.slots import SlotClock
from node.control.schema import Check, CheckState, Checkup
from node.service.chain import now_ms
from node.service.clock_offset import ClockOffset, clock_offset
from node.service.local_checks import local_checks
from node.service.model_store import shared_model_store
from node.service.network_checks import (
    families_check,
    free_ports_check,
    lookup_check,
    reach_check,
    relay_check,
    ways_check,
)
from node.service.signer import GuardedSigner
from node.service.status import sync_of, trust_trouble
from node.service.stranded import Trouble
from node.version import __version__
from p2p import Ban, Network, PeerView
from p2p.mdns import Lan
from storage import StorageError

if TYPE_CHECKING:
    from node.service.app import Node, Running

LOCAL_TIMEOUT_S: Final = 20.0  # loading a GPU's libraries takes seconds
LAG_WARN_MS: Final = 100.0  # a ping of a peer then measures us, not the line
LAG_BAD_MS: Final = 1000.0  # blocks and votes of a devnet come too late
SLOT_SHARE_WARN: Final = 0.2  # of a slot that the clock is off by
SLOT_SHARE_BAD: Final = 0.8
_SET_THE_CLOCK: Final = "Set the clock and keep it set: `timedatectl set-ntp true`, or your system's time settings."
_MORE_PEERS: Final = "Add one: `neurond peers add MULTIADDR`, or join with an invite of another node."


async def examine(node: Node) -> Checkup:
    """Look at everything, at most LOCAL_TIMEOUT_S long."""
    running = node.running
    rows = [_state_check(node)]
    if running is not None:
        offset = await clock_offset(running.network)
        rows += [
            clock_check(offset, running.chain.clock.slot_ms),
            ports_check(running.network.addresses, running.gateway_url, listens=bool(node.config.listen)),
            *network_rows(running.network),
            lan_check(running.lan, wanted=node.config.mdns),
            agents_check(running.network.peers()),
            sync_check(running),
            trust_check(trust_trouble(node, running), is_refused=running.chain.conflict is not None),
            *signing_checks(running.chain.pen, running.chain.clock),
            lag_check(running.lag.lag_ms),
            *prices_checks(running.prices.trouble),
        ]
    rows += await _local_rows(node)
    return checkup(rows)


def network_rows(network: Network) -> list[Check]:
    """The rows about who is connected, by which way, and how others get here."""
    peers, reach = network.peers(), network.reachability()
    rows = [
        families_check(network.addresses),
        reach_check(reach),
        relay_check(network.addresses, reach),
        peers_check(peers),
        bans_check(network.bans()),
        ways_check(peers, reach),
        lookup_check(network.discovery(), trio.current_time(), peers=len(peers)),
    ]
    return [row for row in rows if row is not None]


def checkup(rows: list[Check]) -> Checkup:
    """Return the rows with their verdict."""
    return Checkup(all(row.state != "bad" for row in rows), tuple(rows))


def signing_checks(pen: GuardedSigner | None, clock: SlotClock) -> list[Check]:
    """The row of a key that keeps silent; none for one that signs, or a node without a key."""
    until = None if pen is None else pen.silent_until()
    if until is None:
        return []
    wait_s = max(0, clock.start_ms_of(until) - now_ms()) // 1000
    found = f"silent for {wait_s // 60} min {wait_s % 60} s, to slot {until}: the signing record is new or a copy"
    return [Check("signing", "warn", found, "Wait. If another node signs with this key, stop that one for good.")]


def stopped_checks(listen: tuple[str, ...]) -> list[Check]:
    """The rows of a home whose node does not run; `listen` is where it listened last."""
    found = "stopped; clock, peers and the network were not looked at"
    return [Check("node", "warn", found, "Start it: `neurond up`."), free_ports_check(listen)]


def clock_check(offset: ClockOffset | None, slot_ms: int) -> Check:
    """Compare the clock's error with the length of a slot."""
    if offset is None:
        return Check("clock", "warn", "no peer told its time", _MORE_PEERS)
    error_ms = abs(offset.offset_ms)
    state = _grade(error_ms, slot_ms * SLOT_SHARE_WARN, slot_ms * SLOT_SHARE_BAD)
    way = "ahead of" if offset.offset_ms > 0 else "behind"
    text = f"{error_ms:.0f} ms {way} {_count(offset.peers, 'peer')} (a slot has {slot_ms} ms)"
    return Check("clock", state, text, "" if state == "ok" else _SET_THE_CLOCK)


def ports_check(addresses: tuple[str, ...], gateway_url: str | None, *, listens: bool) -> Check:
    """What this node listens on."""
    gateway = f"gateway {gateway_url}" if gateway_url else "no gateway"
    if not listens:
        return Check("ports", "ok", f"listens nowhere, as asked; {gateway}")
    if not addresses:
        return Check("ports", "bad", "listens on no address", "Choose another --listen address and start again.")
    ports = sorted({address.split("/tcp/")[1].split("/")[0] for address in addresses if "/tcp/" in address})
    return Check("ports", "ok", f"TCP {', '.join(ports) or addresses[0]}; {gateway}")


def peers_check(peers: tuple[PeerView, ...]) -> Check:
    """How many peers there are, and how good."""
    if not peers:
        return Check("peers", "bad", "none: this node is alone", _MORE_PEERS)
    outbound = sum(peer.direction == "out" for peer in peers)
    shady = sum(peer.score < 0 for peer in peers)
    with_shady = f", {shady} with a bad score" if shady else ""
    return Check("peers", "ok", f"{len(peers)} connected, {outbound} of them dialled by us{with_shady}")


def bans_check(bans: tuple[Ban, ...]) -> Check | None:
    """How many are kept out; none is the rule and needs no row."""
    if not bans:
        return None
    reasons = ", ".join(f"{reason} ({count})" for reason, count in Counter(ban.reason for ban in bans).most_common(3))
    return Check("bans", "ok", f"{_count(len(bans), 'peer')} kept out: {reasons}")


def lan_check(lan: Lan, *, wanted: bool) -> Check:
    """Whether peers on the local network are found by themselves."""
    if not wanted:
        return Check("mDNS", "ok", "off, as asked")
    if lan.problem:
        return Check("mDNS", "warn", lan.problem, "Allow UDP port 5353 in the firewall, or start with --no-mdns.")
    if not lan.interfaces:
        return Check("mDNS", "ok", "off: this node listens on no address of a local network")
    return Check("mDNS", "ok", f"on {', '.join(lan.interfaces)}, {_count(lan.found, 'peer')} found")


def agents_check(peers: tuple[PeerView, ...]) -> Check:
    """Which versions the peers run; alone with a version is how one learns of an update."""
    counts = Counter(peer.agent or "unknown" for peer in peers)
    ours = f"neurond/{__version__}"
    shown = ", ".join(f"{agent[:40]} ({count})" for agent, count in counts.most_common(5)) or "no peers"
    if peers and not counts[ours]:
        return Check("peer versions", "warn", f"{shown}; none runs {ours}", "Update this node, or tell its peers to.")
    return Check("peer versions", "ok", shown)


def sync_check(running: Running) -> Check:
    """Whether the chain is level with the peers'."""
    sync, trouble = sync_of(running), running.stranded.trouble
    if trouble is not None:
        return Check("chain", "bad", trouble.text, trouble.fix)
    if not sync.syncing:
        return Check("chain", "ok", f"finalised {sync.height:,}, level with the peers")
    eta = f", {sync.eta_s:.0f} s left" if sync.eta_s is not None else ""
    behind = sync.target_height - sync.height
    return Check("chain", "warn", f"{behind:,} blocks behind{eta}", "Wait; it is catching up.")


def trust_check(trouble: Trouble | None, *, is_refused: bool) -> Check:
    """Whether this may be another history than the one that honest authorities made."""
    if trouble is not None:
        return Check("trust", "bad" if is_refused else "warn", trouble.text, trouble.fix)
    return Check("trust", "ok", "nothing contradicts a checkpoint, or asks for one")


def lag_check(lag_ms: float) -> Check:
    """How late the event loop runs."""
    state = _grade(lag_ms, LAG_WARN_MS, LAG_BAD_MS)
    fix = "" if state == "ok" else "Leave the node more processor: fewer --model-threads, or fewer other programs."
    return Check("loop lag", state, f"{lag_ms:.1f} ms", fix)


def prices_checks(trouble: StorageError | None) -> list[Check]:
    """The row of a price history that cannot be kept; only charts miss it."""
    return [] if trouble is None else [Check("price charts", "warn", trouble.message, trouble.hint)]


def _state_check(node: Node) -> Check:
    if node.running is None:
        return Check("node", "warn", f"{node.state}: {node.phase}", "Wait a moment and look again.")
    role = node.running.services.role
    return Check("node", "ok", f"{node.state}, {role} on {node.running.chain.spec.name}")


async def _local_rows(node: Node) -> tuple[Check, ...]:
    store = node.config.model_store or shared_model_store()
    look = partial(local_checks, node.home, node.model, store)
    with trio.move_on_after(LOCAL_TIMEOUT_S):
        return await trio.to_thread.run_sync(look, abandon_on_cancel=True)
    found = f"disk, database and models took longer than {LOCAL_TIMEOUT_S:.0f} s to look at"
    return (Check("files", "bad", found, "The disk or the GPU hangs; see the system's log."),)


def _grade(value: float, warn_from: float, bad_from: float) -> CheckState:
    if value >= bad_from:
        return "bad"
    return "warn" if value >= warn_from else "ok"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
