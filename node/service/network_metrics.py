"""The numbers of the network layer for Prometheus: peers, ways, lookups, relays, gossip, streams, dials. Reads only.

Names and labels are stable; a label's values are the program's own words, never a peer's.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import trio

from node.gateway.exposition import Family, Labels, by_label, gauge
from p2p import Discovery, Network, PeerView

REACH: Final = ("direct", "relayed", "unreachable", "not_listening", "unknown")
SCORE_BANDS: Final = (("clean", 0.0), ("below_0", -25.0), ("below_-25", -50.0), ("below_-50", float("-inf")))
_GOSSIP: Final = ("in", "out", "published", "delivered", "duplicates")
_DROPPED: Final = ("gossip.dropped.", "gossip.refused.")
_EVENTS: Final = (
    ("p2p_streams_total", "streams.", "Streams opened, taken and refused, by name."),
    ("p2p_requests_total", "requests.", "Requests of our own and answered ones, by name."),
    ("p2p_connections_total", "connections.", "Connections made, refused and cut, by name."),
    ("p2p_dht_events_total", "kad.", "Lookups asked and served, by name."),
    ("p2p_relay_events_total", "relay.", "Places at relays, circuits and their bytes, by name."),
    ("p2p_punch_events_total", "punch.", "Tries to replace a relayed way by a direct one, by name."),
)


def network_families(network: Network) -> tuple[Family, ...]:
    """Return every metric of the network layer."""
    peers, totals = network.peers(), network.counters()
    return (
        *_peers(peers),
        *_standing(network, totals),
        *_discovery(network.discovery()),
        *_gossip(totals),
        by_label(
            "p2p_bytes_total", "counter", "Bytes of all connections, encryption and frames included.", "direction",
            {"in": totals.get("bytes.in", 0), "out": totals.get("bytes.out", 0)},
        ),
        by_label(
            "p2p_dials_total", "counter", "Tries to connect to one address.", "outcome",
            {"started": totals.get("dials", 0), "failed": totals.get("dials.failed", 0)},
        ),
        *(by_label(name, "counter", text, "event", _under(prefix, totals)) for name, prefix, text in _EVENTS),
        by_label("p2p_events_total", "counter", "What the network layer did and refused, by name.", "event", totals),
    )  # fmt: skip


def _peers(peers: tuple[PeerView, ...]) -> tuple[Family, ...]:
    directions = Counter(peer.direction for peer in peers)
    routes = Counter(peer.route for peer in peers)
    bands = Counter(_band(peer.score) for peer in peers)
    return (
        by_label(
            "p2p_peers", "gauge", "Connected peers by direction.", "direction",
            {"in": directions["in"], "out": directions["out"]},
        ),
        by_label(
            "p2p_routes", "gauge", "Connected peers by the way their bytes take.", "route",
            {"direct": routes["direct"], "relayed": routes["relayed"]},
        ),
        by_label(
            "p2p_scores", "gauge", "Connected peers by score; below -100 a peer is banned.", "band",
            {band: bands[band] for band, _ in SCORE_BANDS},
        ),
    )  # fmt: skip


def _standing(network: Network, totals: Mapping[str, int]) -> tuple[Family, ...]:
    reach = network.reachability().state
    held = sum("/p2p-circuit" in address for address in network.addresses)
    return (
        gauge("p2p_bans", "Peers kept out.", len(network.bans())),
        Family("p2p_bans_total", "counter", "Bans given since the start.", {(): totals.get("bans", 0)}),
        by_label(
            "p2p_reachability", "gauge", "1 for what peers found when they dialled back.", "state",
            {state: int(state == reach) for state in REACH},
        ),
        gauge("p2p_relay_addresses", "Addresses of this node at relays that hold a place for it.", held),
    )  # fmt: skip


def _discovery(found: Discovery) -> tuple[Family, ...]:
    age_s = None if found.looked_up_at_s is None else max(0.0, trio.current_time() - found.looked_up_at_s)
    return (
        gauge("p2p_dht_peers", "Peers in the routing table.", found.table_peers),
        gauge("p2p_dht_working", "0 while lookups fail.", int(not found.problem)),
        Family("p2p_dht_lookup_age_seconds", "gauge", "Since the last lookup that somebody answered; none before one.",
               {} if age_s is None else {(): age_s}),
    )  # fmt: skip


def _gossip(totals: Mapping[str, int]) -> tuple[Family, ...]:
    return (
        by_label(
            "p2p_gossip_messages_total", "counter", "Gossip messages by what became of them.", "event",
            {event: totals.get(f"gossip.{event}", 0) for event in _GOSSIP},
        ),
        Family("p2p_gossip_dropped_total", "counter", "Gossip messages lost or refused, by reason and class.",
               dict(sorted(_dropped(totals).items()))),
    )  # fmt: skip


def _dropped(totals: Mapping[str, int]) -> dict[Labels, float]:
    """Of gossip.dropped.slow_peer.low the reason is slow_peer and the class low; gossip.refused.* has no class."""
    samples: dict[Labels, float] = {}
    for name, total in totals.items():
        prefix = next((each for each in _DROPPED if name.startswith(each)), None)
        if prefix is None:
            continue
        reason, _, kind = name.removeprefix(prefix).partition(".")
        samples[(("class", kind), ("reason", reason))] = total
    return samples


def _under(prefix: str, totals: Mapping[str, int]) -> dict[str, float]:
    return {name.removeprefix(prefix): total for name, total in totals.items() if name.startswith(prefix)}


def _band(score: float) -> str:
    return next(band for band, least in SCORE_BANDS if score >= least)
