"""Promises of the routing table and of a search, as pure rules: who is kept, who is told, whom a search asks."""

import random
from collections.abc import Iterator, Sequence
from itertools import count, islice

import pytest

from p2p import limits
from p2p.addresses import TcpAddress, parse_address
from p2p.identity import Identity
from p2p.kad.contacts import Contacts
from p2p.kad.lookup import OURSELVES, Lookup
from p2p.kad.serving import QueryRate
from p2p.kad.table import RoutingTable, group_of, key_of

OWN = Identity.from_seed(bytes(32)).peer_id
NOW_S = 100.0


def peers(start: int = 1) -> Iterator[str]:
    return (Identity.from_seed(number.to_bytes(32, "big")).peer_id for number in count(start))


def at(peer_id: str, host: str = "198.51.100.1", port: int = 4001) -> TcpAddress:
    return parse_address(f"/ip4/{host}/tcp/{port}/p2p/{peer_id}")


def public(number: int) -> str:
    """A host of a network of its own."""
    return f"{11 + number // 65_536}.{number // 256 % 256}.{number % 256}.1"


def filled(number: int) -> tuple[RoutingTable, list[str]]:
    table = RoutingTable(OWN)
    entered = [
        peer for index, peer in enumerate(islice(peers(), number)) if table.add(at(peer, public(index)), (), NOW_S)
    ]
    return table, entered


# The table


def test_an_entry_is_found_by_its_id_and_carries_the_proven_address_first() -> None:
    table, peer = RoutingTable(OWN), next(peers())
    proven, other = at(peer), at(peer, "203.0.113.1")
    assert table.add(proven, (other, proven), NOW_S)
    entry = table.get(peer)
    assert entry is not None
    assert entry.addresses == (proven, other)
    assert peer in table
    assert len(table) == 1


def test_a_node_does_not_enter_its_own_table() -> None:
    table = RoutingTable(OWN)
    assert not table.add(at(OWN), (), NOW_S)
    assert len(table) == 0


def test_the_nearest_are_those_of_smallest_xor_distance() -> None:
    table, entered = filled(200)
    key = key_of(Identity.from_seed(b"k" * 32).peer_id)
    expected = sorted(entered, key=lambda peer: key_of(peer) ^ key)[:20]
    assert [entry.peer_id for entry in table.closest(key, 20)] == expected


def test_no_bucket_holds_more_than_k_and_those_who_came_first_stay() -> None:
    table, _ = filled(500)
    far = [peer for peer in (entry.peer_id for entry in table.closest(0, 1000)) if table.bucket_of(key_of(peer)) == 0]
    assert len(far) == limits.KAD_BUCKET_PEERS
    first = [peer for peer in islice(peers(), 500) if table.bucket_of(key_of(peer)) == 0]
    assert set(far) == set(first[: limits.KAD_BUCKET_PEERS])


def test_the_table_as_a_whole_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KAD_TABLE_PEERS", 30)
    table, _ = filled(300)
    assert len(table) == 30


def test_a_silent_entry_is_told_to_nobody_gives_way_and_leaves_the_second_time() -> None:
    table, entered = filled(500)
    silent = next(peer for peer in entered if table.bucket_of(key_of(peer)) == 0)
    fresh = next(peer for peer in peers(10_000) if table.bucket_of(key_of(peer)) == 0)
    assert not table.add(at(fresh, "192.88.98.1"), (), NOW_S)
    table.failed(silent)
    assert silent not in [entry.peer_id for entry in table.closest(key_of(silent), 5)]
    assert table.add(at(fresh, "192.88.98.1"), (), NOW_S)
    assert silent not in table
    assert fresh in table
    table.failed(fresh)
    table.seen(fresh, NOW_S)
    table.failed(fresh)
    assert fresh in table  # an answer in between is a new start
    table.failed(fresh)
    assert fresh not in table


def test_ids_without_number_from_one_network_get_a_few_places_and_others_still_enter() -> None:
    table = RoutingTable(OWN)
    for index, peer in enumerate(islice(peers(), 3000)):
        table.add(at(peer, f"198.41.7.{index % 250 + 1}", 1024 + index), (), NOW_S)
    assert len(table) == limits.KAD_GROUP_PER_TABLE
    calm, crowd = RoutingTable(OWN), list(enumerate(islice(peers(50_000), 200)))
    expected = sum(calm.add(at(peer, public(index)), (), NOW_S) for index, peer in crowd)
    entered = sum(table.add(at(peer, public(index)), (), NOW_S) for index, peer in crowd)
    assert entered >= expected - limits.KAD_GROUP_PER_TABLE > 60
    near = table.closest(key_of(OWN), limits.KAD_BUCKET_PEERS)
    assert sum(entry.group == group_of(at(OWN, "198.41.7.1")) for entry in near) <= limits.KAD_GROUP_PER_TABLE


def test_a_crowd_on_one_private_host_leaves_half_of_every_bucket() -> None:
    table = RoutingTable(OWN)
    for index, peer in enumerate(islice(peers(), 2000)):
        table.add(at(peer, "127.0.0.1", 1024 + index), (), NOW_S)
    assert len(table) <= limits.KAD_HOST_PER_TABLE
    far = [entry for entry in table.closest(0, 1000) if table.bucket_of(entry.key) == 0]
    assert len(far) == limits.KAD_HOST_PER_BUCKET


def test_groups_are_networks_on_the_internet_and_hosts_elsewhere() -> None:
    assert group_of(at(OWN, "198.41.7.1")) == group_of(at(OWN, "198.41.7.200")) != group_of(at(OWN, "198.41.8.1"))
    assert group_of(at(OWN, "10.0.0.1")) != group_of(at(OWN, "10.0.0.2"))
    first, second = (TcpAddress("ip6", f"2a00:1450:4001:{part}::1", 1) for part in ("1", "2"))
    assert group_of(first) == group_of(second)


def test_who_moved_is_taken_at_the_new_address_unless_its_new_network_is_full() -> None:
    table = RoutingTable(OWN)
    one, *crowd = list(islice(peers(), 200))
    assert table.add(at(one), (), NOW_S)
    for peer in crowd:
        table.add(at(peer, "198.41.7.1"), (), NOW_S)
    assert not table.add(at(one, "198.41.7.2"), (), NOW_S)
    entry = table.get(one)
    assert entry is not None
    assert entry.proven == at(one)
    assert table.add(at(one, "203.0.114.1"), (), NOW_S)


def test_buckets_and_entries_fall_due_by_time() -> None:
    table, entered = filled(40)
    assert {table.stalest_bucket(0.0)} < set(range(256))
    for index in range(256):
        table.refreshed(index, NOW_S)
    assert table.stalest_bucket(NOW_S) is None
    assert table.stalest_bucket(NOW_S + 1.0) is not None
    table.seen(entered[0], NOW_S + 50.0)
    due = [entry.peer_id for entry in table.unseen_since(NOW_S + 10.0, 1000)]
    assert entered[0] not in due
    assert len(due) == len(table) - 1


# Contacts and rates


def test_words_of_a_visitor_are_kept_a_while_and_a_crowd_of_one_network_displaces_only_itself() -> None:
    contacts, (guest, *crowd) = Contacts(), list(islice(peers(), 500))
    contacts.note(guest, (at(guest),), "elsewhere", NOW_S)
    for peer in crowd:
        contacts.note(peer, (at(peer),), "one network", NOW_S)
    assert len(contacts) == limits.KAD_CONTACTS_PER_GROUP + 1
    assert contacts.addresses(guest, NOW_S + limits.KAD_CONTACT_S) == (at(guest),)
    assert contacts.addresses(guest, NOW_S + limits.KAD_CONTACT_S + 1.0) == ()


def test_one_asker_and_all_askers_together_are_answered_at_a_bounded_rate() -> None:
    rate = QueryRate()
    assert sum(rate.admit("one", NOW_S) for _ in range(1000)) == limits.KAD_SERVED_BURST
    assert rate.admit("other", NOW_S)
    crowd = sum(rate.admit(f"{number}", NOW_S) for number in range(10_000))
    assert crowd == limits.KAD_SERVED_TOTAL_BURST - limits.KAD_SERVED_BURST - 1
    assert rate.admit("late", NOW_S + 1.0)


# A search


class Net:
    """Peers that know their nearest ones, as a search meets them."""

    def __init__(self, size: int, rng: random.Random) -> None:
        self.all = list(islice(peers(), size))
        self.known = {peer: self._known_to(peer, rng) for peer in self.all}

    def _known_to(self, peer: str, rng: random.Random) -> list[str]:
        near = sorted(self.all, key=lambda other: key_of(other) ^ key_of(peer))[1:9]
        return [*near, *rng.sample(self.all, 8)]

    def answer(self, peer: str, key: int) -> dict[str, tuple[TcpAddress, ...]]:
        nearest = sorted(self.known[peer], key=lambda other: key_of(other) ^ key)[: limits.KAD_BUCKET_PEERS]
        return {other: (at(other),) for other in nearest}


def searched(net: Net, lookup: Lookup, key: int, liar: str = "", inventions: Sequence[str] = ()) -> list[str]:
    """Carry out a search one question after another; the liar names ever nearer peers that do not exist."""
    asked, nearer = [], iter(inventions)
    while (step := lookup.next()) is not None:
        peer, _addresses = step
        asked.append(peer)
        if peer == liar:
            lookup.answered(
                peer, {other: (at(other, "203.0.113.9"),) for other in islice(nearer, limits.KAD_BUCKET_PEERS)}
            )
        elif peer in net.known:
            lookup.answered(peer, net.answer(peer, key))
        else:
            lookup.failed(peer)
    return asked


def test_a_search_from_one_peer_reaches_those_nearest_to_the_key() -> None:
    net = Net(300, random.Random(1))
    for target in net.all[100:120]:
        lookup = Lookup(key_of(target), OWN, target)
        lookup.learn(OURSELVES, {net.all[0]: (at(net.all[0]),)})
        asked = searched(net, lookup, key_of(target))
        assert lookup.target_addresses == (at(target),)
        assert len(asked) <= limits.KAD_QUERIES_MAX
        nearest = sorted(net.all, key=lambda peer: key_of(peer) ^ key_of(target))[:10]
        assert len(set(nearest) & set(lookup.answered_by)) >= 9


def test_a_liar_with_ever_nearer_inventions_cannot_hide_a_peer_and_is_named() -> None:
    net = Net(100, random.Random(2))
    target = net.all[50]
    liar = min((peer for peer in net.all if peer != target), key=lambda peer: key_of(peer) ^ key_of(target))
    invented = sorted(islice(peers(100_000), 4000), key=lambda p: key_of(p) ^ key_of(target))
    lookup = Lookup(key_of(target), OWN, target)
    lookup.learn(OURSELVES, {peer: (at(peer),) for peer in (liar, net.all[0], net.all[2])})
    asked = searched(net, lookup, key_of(target), liar, invented)
    assert len(set(asked) & set(invented)) <= limits.KAD_DOUBT_AFTER
    assert lookup.target_addresses == (at(target),)
    assert target in lookup.answered_by
    assert lookup.liars() == (liar,)


def test_dead_peers_told_by_who_also_told_living_ones_are_no_lie() -> None:
    net = Net(60, random.Random(3))
    target = net.all[30]
    dead = set(net.all[40:])
    for peer in dead:
        del net.known[peer]
    lookup = Lookup(key_of(target), OWN, target)
    lookup.learn(OURSELVES, {peer: (at(peer),) for peer in net.all[:3]})
    searched(net, lookup, key_of(target))
    assert target in lookup.answered_by
    assert lookup.liars() == ()


def test_nobody_is_blamed_while_nobody_answers() -> None:
    lookup, told = Lookup(key_of(OWN), OWN), list(islice(peers(), 20))
    lookup.learn(OURSELVES, {told[0]: (at(told[0]),)})
    assert lookup.next() is not None
    lookup.answered(told[0], {peer: (at(peer),) for peer in told[1:]})
    while (step := lookup.next()) is not None:
        lookup.failed(step[0])  # our own line may be down
    assert lookup.liars() == ()


def test_a_false_address_told_first_does_not_displace_the_true_one() -> None:
    target, liar, honest = islice(peers(), 3)
    false, true = at(target, "203.0.113.66"), at(target, "198.51.100.7")
    lookup = Lookup(key_of(target), OWN, target)
    lookup.learn(liar, {target: tuple(at(target, "203.0.113.66", port) for port in range(1, 500))})
    step = lookup.next()
    assert step is not None
    assert step[0] == target
    assert len(step[1]) <= limits.KAD_ADDRESSES_TRIED
    lookup.failed(target)
    lookup.learn(honest, {target: (true,)})
    tried: set[TcpAddress] = set()
    while (step := lookup.next()) is not None:
        tried.update(step[1])
        lookup.failed(target)
    assert true in tried or true in lookup.target_addresses
    assert len(lookup.target_addresses) <= limits.KAD_ADDRESSES_CLAIMED_MAX
    assert false not in lookup.target_addresses  # port 4001 is none of the few that were taken


def test_what_most_tell_comes_first() -> None:
    target, *tellers = islice(peers(), 5)
    lookup = Lookup(key_of(target), OWN, target)
    lookup.learn(tellers[0], {target: (at(target, "203.0.113.66"),)})
    for teller in tellers[1:]:
        lookup.learn(teller, {target: (at(target, "198.51.100.7"),)})
    assert lookup.target_addresses[0] == at(target, "198.51.100.7")


def test_a_flood_of_candidates_is_bounded_and_a_search_ends() -> None:
    lookup = Lookup(key_of(OWN), OWN)
    invented = peers(7)
    lookup.learn(OURSELVES, {next(invented): ()})
    asked = 0
    while (step := lookup.next()) is not None:
        asked += 1
        lookup.answered(step[0], {next(invented): () for _ in range(64)})
    assert asked <= limits.KAD_QUERIES_MAX
    assert len(lookup._candidates) <= limits.KAD_CANDIDATES_MAX


def test_a_node_never_asks_itself() -> None:
    lookup = Lookup(key_of(OWN), OWN)
    lookup.learn(OURSELVES, {OWN: (at(OWN),)})
    assert lookup.next() is None
