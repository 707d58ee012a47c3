"""Dial-back: peers tell a node whether others can reach it, by trying.

Who is asked dials nothing but the address the asker itself comes from, seldom and few at once, so that nobody can be
made to knock at a third party's door. A peer can lie about us; so several are asked, and each address is told apart.
"""

import logging
import random
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec
import trio
from libp2p.peer.id import ID

from p2p import limits
from p2p.addresses import TcpAddress, parse_address
from p2p.api import AddressReach, Reachability, Stream
from p2p.errors import AddressError, P2PError, StreamFailed, UnreachableError
from p2p.network import Libp2pNetwork

T = TypeVar("T")
PROTOCOL = "/neurond/reach/1"

_log = logging.getLogger(__name__)


class ReachRequest(msgspec.Struct, frozen=True):
    """The addresses the asker listens on, without peer id."""

    addresses: tuple[str, ...]


class AddressResult(msgspec.Struct, frozen=True):
    """One address that was dialled; `problem` says why nobody answered there, empty when the asker did."""

    address: str
    problem: str = ""


class ReachAnswer(msgspec.Struct, frozen=True):
    """Addresses that were not dialled are missing."""

    results: tuple[AddressResult, ...]


class DialBackRate:
    """How often others may make this node dial; `now_s` is monotonic."""

    def __init__(self) -> None:
        self._served_s: OrderedDict[str, float] = OrderedDict()
        self._tokens = float(limits.REACH_SERVED_PER_MINUTE)
        self._at_s = 0.0

    def admit(self, peer_id: str, now_s: float) -> bool:
        """Whether to serve this peer now; charges for it when so."""
        refilled = self._tokens + (now_s - self._at_s) * limits.REACH_SERVED_PER_MINUTE / 60.0
        self._tokens, self._at_s = min(float(limits.REACH_SERVED_PER_MINUTE), refilled), now_s
        served_s = self._served_s.get(peer_id)
        if self._tokens < 1.0 or (served_s is not None and now_s - served_s < limits.REACH_SERVE_INTERVAL_S):
            return False
        self._tokens -= 1.0
        self._served_s.pop(peer_id, None)
        self._served_s[peer_id] = now_s
        if len(self._served_s) > limits.REACH_PEERS_REMEMBERED_MAX:
            self._served_s.popitem(last=False)
        return True


class Reach:
    """Both sides of dial-back for one network."""

    def __init__(self, network: Libp2pNetwork, rng: random.Random, on_found: Callable[[bool], None]) -> None:
        self._network = network
        self._on_found = on_found
        self._rng = rng
        self._rate = DialBackRate()
        network.serve(PROTOCOL, self._serve, per_peer=1, total=limits.REACH_SERVED_AT_ONCE)

    # The serving side

    async def _serve(self, stream: Stream) -> None:
        network = self._network
        state = network.connected.get(stream.peer_id)
        if state is None or state.remote is None or not self._rate.admit(stream.peer_id, trio.current_time()):
            network.totals.add("reach.refused")
            return await stream.reset()
        with trio.fail_after(limits.REQUEST_TIMEOUT_S):
            request = _decode(await stream.receive(limits.REACH_MAX_BYTES), ReachRequest)
        network.totals.add("reach.served")
        results: list[AddressResult] = []
        async with trio.open_nursery() as nursery:
            for target in dial_back_targets(request.addresses, state.remote.host):
                nursery.start_soon(self._dial_back, target, stream.peer_id, results)
        with trio.fail_after(limits.REQUEST_TIMEOUT_S):
            await stream.send(msgspec.json.encode(ReachAnswer(tuple(results))))

    async def _dial_back(self, target: TcpAddress, peer_id: str, results: list[AddressResult]) -> None:
        problem = f"no answer within {limits.REACH_DIAL_TIMEOUT_S:g} s; a firewall or router drops the connection"
        with trio.move_on_after(limits.REACH_DIAL_TIMEOUT_S):
            try:
                await self._network.host.swarm.prove(target, ID.from_base58(peer_id))
                problem = ""
            except UnreachableError as error:
                problem = str(error)
        results.append(AddressResult(str(target), problem[: limits.REACH_PROBLEM_MAX_CHARS]))

    # The asking side

    async def run(self) -> None:
        """Ask now and then, for ever; nothing to ask for a node that listens nowhere."""
        if not self._network.listeners:
            return
        pause_s = limits.REACH_FIRST_S
        while True:
            await trio.sleep(pause_s * self._rng.uniform(0.75, 1.25))
            answers = await self.ask()
            if not answers:
                pause_s = min(2 * pause_s, limits.REACH_RETRY_S)
                continue
            self._network.reach = conclude(answers, trio.current_time())
            is_direct = self._network.reach.state == "direct"
            self._on_found(is_direct)
            pause_s = limits.REACH_INTERVAL_S if is_direct else limits.REACH_RETRY_S

    async def ask(self) -> list[ReachAnswer]:
        """The answers of a few peers, those we dialled ourselves first: an attacker cannot choose to be among them."""
        peers = list(self._network.peers())
        self._rng.shuffle(peers)
        peers.sort(key=lambda peer: peer.direction == "in")
        answers: list[ReachAnswer] = []
        async with trio.open_nursery() as nursery:
            for peer in peers[: limits.REACH_ASKED]:
                nursery.start_soon(self._ask_one, peer.peer_id, answers)
        return answers

    async def _ask_one(self, peer_id: str, answers: list[ReachAnswer]) -> None:
        own = [str(address) for address in self._network.listen_addresses()[: limits.ADDRESSES_PER_PEER]]
        try:
            raw = await self._network.request(
                peer_id, PROTOCOL, msgspec.json.encode(ReachRequest(tuple(own))), max_bytes=limits.REACH_MAX_BYTES,
                timeout_s=limits.REQUEST_TIMEOUT_S,
            )  # fmt: skip
            answer = _decode(raw, ReachAnswer)
        except P2PError as error:
            _log.debug("%s did not dial back: %s", peer_id, error)
            return
        usable = usable_results(answer.results, {address.port for address in self._network.listen_addresses()})
        if usable:
            answers.append(ReachAnswer(usable))


def dial_back_targets(addresses: Iterable[str], observed_host: str) -> tuple[TcpAddress, ...]:
    """What may be dialled for an asker seen at `observed_host`: its own ports there, and nothing anywhere else."""
    kind = "ip6" if ":" in observed_host else "ip4"
    targets: dict[TcpAddress, None] = {}
    for text in tuple(addresses)[: limits.ADDRESSES_PER_PEER]:
        try:
            told = parse_address(text)
        except AddressError:
            continue
        target = TcpAddress(kind, observed_host, told.port)
        if target.is_dialable:
            targets[target] = None
    return tuple(targets)[: limits.REACH_DIALS_MAX]


def usable_results(results: Sequence[AddressResult], own_ports: set[int]) -> tuple[AddressResult, ...]:
    """The results that speak of ports of ours, with texts that are safe to show."""
    usable = []
    for result in results[: limits.ADDRESSES_PER_PEER]:
        try:
            address = parse_address(result.address)
        except AddressError:
            continue
        if address.port in own_ports and address.is_dialable:
            text = "".join(c for c in result.problem[: limits.REACH_PROBLEM_MAX_CHARS] if c.isprintable())
            usable.append(AddressResult(str(address), text))
    return tuple(usable)


def conclude(answers: Sequence[ReachAnswer], now_s: float) -> Reachability:
    """What the answers of several peers mean together: an address counts when half of them reached it."""
    asked: Counter[str] = Counter()
    reached: Counter[str] = Counter()
    problems: dict[str, str] = {}
    for answer in answers:
        for result in {each.address: each for each in answer.results}.values():
            asked[result.address] += 1
            reached[result.address] += not result.problem
            if result.problem:
                problems[result.address] = result.problem
    addresses = tuple(
        AddressReach(address, reached[address], count, problems.get(address, ""))
        for address, count in sorted(asked.items())
    )
    if any(each.is_direct for each in addresses):
        return Reachability("direct", "", addresses, now_s)
    ports = ", ".join(sorted({str(parse_address(each.address).port) for each in addresses}))
    peers = "1 peer" if len(answers) == 1 else f"{len(answers)} peers"
    why = addresses[0].problem if addresses else "no address was dialled"
    reason = f"{peers} could not dial back ({why}); let TCP port {ports} through the firewall and the router"
    return Reachability("unreachable", reason, addresses, now_s)


def _decode(raw: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise StreamFailed("a message about reachability is malformed") from error
