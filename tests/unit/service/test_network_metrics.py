"""The numbers of the network layer: its totals come out under the documented names, by class, reason, way and score."""

from types import SimpleNamespace
from typing import cast

import trio

from node.gateway.exposition import Labels
from node.service.network_metrics import network_families
from p2p import Discovery, Network, PeerView, Reachability
from p2p.api import Route

TOTALS = {
    "gossip.in": 7, "gossip.out": 9, "gossip.dropped.slow_peer.low": 3, "gossip.dropped.no_reader": 2,
    "gossip.refused.malformed": 1, "dials": 5, "dials.failed": 4, "streams.in": 6, "streams.refused.busy": 8,
    "kad.finds": 11, "relay.circuits.opened": 12, "punch.direct": 13, "bans": 14, "connections.inbound": 15,
    "requests.shared": 16, "reports": 17, "bytes.in": 18, "bytes.out": 19,
}  # fmt: skip


def peer(score: float, route: Route = "direct") -> PeerView:
    return PeerView("x", (), "in", None, "", score, 0.0, route)


async def samples(discovery: Discovery) -> dict[str, dict[Labels, float]]:
    network = SimpleNamespace(
        peers=lambda: (peer(0.0), peer(-0.1), peer(-30.0, "relayed"), peer(-99.0)),
        counters=lambda: TOTALS,
        bans=lambda: (),
        reachability=lambda: Reachability("relayed"),
        addresses=("/ip4/9.9.9.9/tcp/1/p2p/a/p2p-circuit/p2p/b", "/ip4/10.0.0.1/tcp/1/p2p/b"),
        discovery=lambda: discovery,
    )
    return {family.name: dict(family.samples) for family in network_families(cast(Network, network))}


async def test_the_totals_come_out_under_their_names() -> None:
    found = await samples(Discovery(4))
    assert found["p2p_routes"] == {(("route", "direct"),): 3, (("route", "relayed"),): 1}
    bands = {labels[0][1]: number for labels, number in found["p2p_scores"].items()}
    assert bands == {"clean": 1, "below_0": 1, "below_-25": 1, "below_-50": 1}
    assert found["p2p_gossip_messages_total"][(("event", "in"),)] == 7
    assert found["p2p_gossip_dropped_total"] == {
        (("class", ""), ("reason", "malformed")): 1,
        (("class", ""), ("reason", "no_reader")): 2,
        (("class", "low"), ("reason", "slow_peer")): 3,
    }
    assert found["p2p_bytes_total"] == {(("direction", "in"),): 18, (("direction", "out"),): 19}
    assert found["p2p_dials_total"] == {(("outcome", "failed"),): 4, (("outcome", "started"),): 5}
    assert found["p2p_streams_total"] == {(("event", "in"),): 6, (("event", "refused.busy"),): 8}
    assert found["p2p_dht_events_total"] == {(("event", "finds"),): 11}
    assert found["p2p_relay_events_total"] == {(("event", "circuits.opened"),): 12}
    assert found["p2p_punch_events_total"] == {(("event", "direct"),): 13}
    assert found["p2p_bans_total"] == {(): 14}
    assert found["p2p_relay_addresses"] == {(): 1}
    assert found["p2p_reachability"][(("state", "relayed"),)] == 1
    assert found["p2p_events_total"][(("event", "reports"),)] == 17


async def test_lookups_tell_whether_they_work_and_when_the_last_one_did() -> None:
    never = await samples(Discovery(4))
    assert never["p2p_dht_lookup_age_seconds"] == {}
    assert never["p2p_dht_working"] == {(): 1}
    troubled = await samples(Discovery(4, trio.current_time() - 30.0, "nobody answers"))
    assert 30.0 <= troubled["p2p_dht_lookup_age_seconds"][()] < 60.0
    assert troubled["p2p_dht_working"] == {(): 0}
