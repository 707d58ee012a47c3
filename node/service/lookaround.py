"""Looking before joining: does an invite or address lead to the network it names, and which networks are near?

Works from a network of its own without a chain; nothing of what is asked here is kept. What strangers answer is
believed as far as it is proven: a genesis by its hash, an inviter by the signature, the rest is shown as said.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import trio

from node.control.setup_views import CheckStep, LanNetwork, TargetCheck
from node.ledger.genesis import genesis_state, parse_genesis
from node.primitives.errors import LedgerError, NodeError
from node.primitives.limits import GENESIS_BYTES_MAX
from node.primitives.types import Hash
from node.service.errors import BadGenesis, BadInvite
from node.service.first_answer import first_answer
from node.service.genesis_exchange import PROTOCOL, TIMEOUT_S, check_genesis
from node.service.home import Home
from node.service.invite_preview import preview
from node.version import __version__
from p2p import Network, P2PError
from p2p.lan_survey import Heard

AGENT: Final = f"neurond-setup/{__version__}"
"""How a setup introduces itself; it is no node of the network."""
PEERS_ASKED_MAX: Final = 16  # of a local network: enough to know its latency, few enough to ask at once
PEER_ASKED_S: Final = 5.0  # a node of the local network answers within milliseconds
_AGENT_WAIT_S: Final = 3.0  # who was dialled introduces itself after the connection stands
_AGENT_POLL_S: Final = 0.05
_QUESTION: Final = b"genesis"

Tell = Callable[[CheckStep], None]


@dataclass(frozen=True, slots=True)
class _Told:
    """What one peer answered: a genesis that was checked."""

    peer_id: str
    network: str
    genesis: Hash
    stake_threshold_rao: int


@dataclass(slots=True)
class _Check:
    """A check under way: steps are told as they end and kept for the result."""

    tell: Tell
    steps: list[CheckStep] = field(default_factory=list)

    def add(self, name: str, ok: bool | None, text: str, remedy: str = "") -> None:
        step = CheckStep(name, ok, text, remedy)
        self.steps.append(step)
        self.tell(step)

    def ends(self, found: TargetCheck) -> TargetCheck:
        """Return `found` with the steps, and with the first that failed as its problem."""
        from msgspec.structs import replace

        failed = next((each for each in self.steps if each.ok is False), None)
        said = ("", "") if failed is None else (failed.text, failed.remedy)
        return replace(found, steps=tuple(self.steps), problem=said[0], remedy=said[1])


async def check_target(
    network: Network, target: str, home: Home, now_ms: int, tell: Tell = lambda _: None, expected: Hash | None = None
) -> TargetCheck:
    """Read, dial and question `target`; every step is told as it ends. Never raises for what a stranger does.

    `expected` is the genesis that an address must lead to; an invite names its own.
    """
    check = _Check(tell)
    found = TargetCheck(target, ())
    try:
        said = preview(target, home, now_ms)
    except BadInvite as error:
        check.add("read", False, error.message, error.hint)
        return check.ends(found)
    if said.genesis_hash:
        expected = Hash(bytes.fromhex(said.genesis_hash))
    found = TargetCheck(
        target, (), said.network, said.genesis_hash, said.inviter, said.expires_ms, addresses=said.addresses
    )
    if said.problem:
        check.add("read", False, said.problem, "Ask for a new invite, or name another home.")
        return check.ends(found)
    what = f"an invite to {said.network}" if said.inviter else "an address; it names no network"
    check.add("read", True, what)
    told = await _question(network, said.addresses, expected, check)
    if told is None:
        return check.ends(found)
    _compare_with_home(home, told.genesis, check)
    version, latency_ms = await _introduced(network, told.peer_id, check)
    return check.ends(
        TargetCheck(
            target,
            (),
            network=told.network,
            genesis_hash=told.genesis.hex(),
            inviter=said.inviter,
            expires_ms=said.expires_ms,
            addresses=said.addresses,
            version=version,
            latency_ms=latency_ms,
            stake_threshold_rao=told.stake_threshold_rao,
        )
    )


async def networks_near(network: Network, heard: Sequence[Heard]) -> tuple[LanNetwork, ...]:
    """Return the networks of those who were heard and answer; one that claims a network and cannot prove it is none."""
    found: dict[Hash, list[tuple[_Told, Heard, float | None, str]]] = {}

    async def ask(each: Heard) -> None:
        with trio.move_on_after(PEER_ASKED_S):
            try:
                told = await _ask(network, await network.dial(each.addresses[0], timeout_s=PEER_ASKED_S), None)
            except (P2PError, NodeError):
                return  # announced and not there: not worth a line
            if told.genesis.hex().startswith(each.tag):
                version, latency_ms = await _introduced(network, told.peer_id, _Check(lambda _: None))
                found.setdefault(told.genesis, []).append((told, each, latency_ms, version))

    async with trio.open_nursery() as nursery:
        for each in list(heard)[:PEERS_ASKED_MAX]:
            nursery.start_soon(ask, each)
    return tuple(
        LanNetwork(
            network=peers[0][0].network,
            genesis_hash=genesis.hex(),
            peers=len(peers),
            addresses=tuple(each.addresses[0] for _, each, _, _ in peers),
            latency_ms=min((ms for _, _, ms, _ in peers if ms is not None), default=None),
            version=peers[0][3],
        )
        for genesis, peers in sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    )


async def _question(network: Network, addresses: tuple[str, ...], expected: Hash | None, check: _Check) -> _Told | None:
    """Dial and ask for the genesis, and tell how that went."""
    reached: list[str] = []

    async def ask(peer_id: str) -> _Told:
        reached.append(peer_id)
        return await _ask(network, peer_id, expected)

    outcome = await first_answer(network, addresses, ask)
    if not reached:
        check.add("dial", False, f"Nobody answers: {outcome.tried()}.", outcome.advice())
        return None
    check.add("dial", True, f"connected to {reached[0]}")
    if outcome.answer is None:
        foreign = any(isinstance(each.error, BadGenesis) for each in outcome.failed)
        remedy = "Ask for a new invite, or for the address of a node of that network." if foreign else outcome.advice()
        check.add("genesis", False, f"The genesis could not be had: {outcome.tried()}.", remedy)
        return None
    digits = outcome.answer.genesis.hex()
    kind = "as the invite says" if expected is not None else "as this node says; nothing else vouches for it"
    check.add("genesis", True, f"{outcome.answer.network}, {digits[:16]}…, {kind}")
    return outcome.answer


async def _ask(network: Network, peer_id: str, expected: Hash | None) -> _Told:
    data = await network.request(peer_id, PROTOCOL, _QUESTION, max_bytes=GENESIS_BYTES_MAX, timeout_s=TIMEOUT_S)
    check_genesis(data, expected)
    spec = parse_genesis(data)
    return _Told(peer_id, spec.name, genesis_state(spec)[1].hash, spec.parameters.stake_threshold_rao)


def _compare_with_home(home: Home, genesis: Hash, check: _Check) -> None:
    """A home that follows another network cannot follow this one too."""
    try:
        data = home.read_genesis()
        own = None if data is None else genesis_state(parse_genesis(data))[1].hash
    except (LedgerError, BadGenesis, OSError):
        check.add("home", False, f"{home.genesis} cannot be read.", "Name another home.")
        return
    if own is not None and own != genesis:
        check.add("home", False, f"The home {home.path} belongs to another network.", "Name another home.")


async def _introduced(network: Network, peer_id: str, check: _Check) -> tuple[str, float | None]:
    """Return how a peer introduces itself and a round trip to it in milliseconds."""
    agent = ""
    with trio.move_on_after(_AGENT_WAIT_S):
        while not agent:
            agent = next((each.agent for each in network.peers() if each.peer_id == peer_id), "")
            await trio.sleep(_AGENT_POLL_S)
    try:
        latency_ms = await network.ping(peer_id)
    except P2PError:
        latency_ms = None
    if agent == f"neurond/{__version__}":
        check.add("version", True, f"{agent}, the same as here")
    else:
        check.add("version", None, f"{agent or 'not told'}; here it is neurond/{__version__}")
    return agent, latency_ms
