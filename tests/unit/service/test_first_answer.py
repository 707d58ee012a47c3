"""Several addresses at once: the first answer counts, and nobody who fails holds up or hides the others."""

from types import SimpleNamespace
from typing import cast

import pytest
import trio

from node.service.errors import BadGenesis, NobodyAnswered
from node.service.first_answer import DIAL_S, DIAL_SHARE_S, Failed, first_answer
from p2p import Network, P2PError, StreamFailed, UnreachableError

ONE, TWO, THREE = (f"/ip4/192.0.2.{number}/tcp/1/p2p/peer-{number}" for number in (1, 2, 3))


def network_where(**ways: float | str) -> tuple[Network, list[str]]:
    """A network whose peers answer after so many seconds, or fail for a reason; and what was dialled, in order."""
    dialled: list[str] = []

    async def dial(address: str, *, timeout_s: float) -> str:
        dialled.append(address)
        way = ways[address.split("/")[2].replace("192.0.2.", "n")]
        if isinstance(way, str):
            raise UnreachableError(f"cannot connect to {address}: {way}")
        with trio.move_on_after(timeout_s):
            await trio.sleep(way)
            return address.rpartition("/")[2]
        raise UnreachableError(f"{address} did not answer within {timeout_s:g} s")

    return cast(Network, SimpleNamespace(dial=dial)), dialled


async def echo(peer_id: str) -> str:
    return peer_id


async def test_an_address_that_swallows_everything_holds_nobody_up(autojump_clock: trio.testing.MockClock) -> None:
    network, _ = network_where(n1=1e9, n2=0.2, n3=0.5)
    begun_s = trio.current_time()
    outcome = await first_answer(network, (ONE, TWO, THREE), echo)
    assert outcome.answer == "peer-2"
    assert trio.current_time() - begun_s == pytest.approx(0.2)


async def test_eight_dead_addresses_of_one_peer_are_over_in_seconds(autojump_clock: trio.testing.MockClock) -> None:
    network, dialled = network_where(n1=1e9)
    addresses = tuple(f"/ip4/192.0.2.1/tcp/{port}/p2p/same" for port in range(1, 9))
    begun_s = trio.current_time()
    outcome = await first_answer(network, addresses, echo)
    assert outcome.answer is None
    assert tuple(each.address for each in outcome.failed) == addresses == tuple(dialled)
    assert trio.current_time() - begun_s <= DIAL_SHARE_S
    assert DIAL_S < DIAL_SHARE_S


async def test_a_peer_whose_answer_is_bad_does_not_end_the_search(autojump_clock: trio.testing.MockClock) -> None:
    network, _ = network_where(n1=0.1, n2=0.3)

    async def ask(peer_id: str) -> str:
        if peer_id == "peer-1":
            raise BadGenesis("This is no genesis.")
        return peer_id

    outcome = await first_answer(network, (ONE, TWO), ask)
    assert outcome.answer == "peer-2"
    assert [each.reason for each in outcome.failed] == ["This is no genesis"]


async def test_a_question_that_was_lost_with_its_connection_is_put_once_more(
    autojump_clock: trio.testing.MockClock,
) -> None:
    network, dialled = network_where(n1=0.1)
    tries = []

    async def ask(peer_id: str) -> str:
        tries.append(peer_id)
        if len(tries) < 2 or peer_id == "never":
            raise StreamFailed("the connection was lost")
        return peer_id

    assert (await first_answer(network, (ONE,), ask)).answer == "peer-1"
    assert dialled == [ONE, ONE]
    tries[:] = []
    outcome = await first_answer(network, ("/ip4/192.0.2.1/tcp/1/p2p/never",), ask)
    assert (outcome.answer, len(tries), len(outcome.failed)) == (None, 2, 1)


@pytest.mark.parametrize(
    ("ways", "reasons", "advice"),
    [
        ({"n1": "Error connecting to ('192.0.2.1', 1): Connection refused"}, "Connection refused", "Nothing listens"),
        ({"n1": "[Errno -2] Name or service not known"}, "Name or service not known", "spelling"),
        ({"n1": "Network is unreachable"}, "Network is unreachable", "own connection"),
        ({"n1": 1e9}, "did not answer within", "firewall"),
        ({"n1": "nobody knows why"}, "nobody knows why", "Check that the other node runs"),
    ],
)
async def test_what_was_tried_is_told_with_reason_and_advice(
    ways: dict[str, float | str], reasons: str, advice: str, autojump_clock: trio.testing.MockClock
) -> None:
    network, _ = network_where(**ways)
    outcome = await first_answer(network, (ONE,), echo)
    assert outcome.tried().startswith("/ip4/192.0.2.1/tcp/1: ")
    assert reasons in outcome.tried()
    assert "Error connecting" not in outcome.tried()
    assert "peer-1" not in outcome.tried()
    assert advice in outcome.advice()


async def test_without_addresses_that_is_said() -> None:
    network, _ = network_where()
    assert (await first_answer(network, (), echo)).tried() == "no address was given"


def test_any_expected_error_has_a_reason() -> None:
    for error in (P2PError("odd"), NobodyAnswered("odd.")):
        assert Failed(ONE, error).reason == "odd"
