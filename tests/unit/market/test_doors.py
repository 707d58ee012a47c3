"""Generic doors over whole calls: resolving, choosing among named miners, seeded routing, and what the node answers."""

from contextlib import aclosing
from typing import Any

import msgspec
import pytest

from node.market.errors import Gone, NoMiner
from node.market.frontdoor import MarketDoor
from node.market.routes import Closed, Piece, by_model, find_routes, methods_of, unknown_model
from node.primitives.types import AccountId
from node.subnets.base import Host, View
from node.subnets.doors import CHAT_PATH, Comment, Empty, LocalRoute, Offering, Route
from tests.unit.market.support import Double, Doubling, Number
from tests.unit.market.test_frontdoor import house


class Ask(msgspec.Struct, frozen=True):
    value: int
    seed: int | None = None


def _task(request: Ask, entropy: bytes) -> Number:
    return Number(request.value, 2)


def _reply(part: Double, miner: AccountId) -> int | Comment:
    return Comment("half") if not part.done else part.value


def _resolve(request: Ask, view: View) -> Ask:
    if request.value == 13:
        raise Gone("Thirteen was retired.", param="value")
    return Ask(request.value + 1, request.seed)


PLAIN: Any = Route("POST", "/v1/double", _task, _reply, request=Ask)


async def pieces(door: MarketDoor, route: Any, request: Any) -> list[Piece]:
    async with aclosing(door.call(route, request)) as found:
        return [piece async for piece in found]


async def test_a_route_streams_pieces_and_the_last_has_usage_receipt_and_task(autojump_clock: object) -> None:
    async with house(Doubling()) as h:
        found = await pieces(h.door, PLAIN, Ask(4))
    assert [piece.reply for piece in found] == [Comment("half"), 8]
    assert [piece.done for piece in found] == [False, True]
    assert found[-1].usage is not None
    assert found[-1].receipt is not None
    assert found[-1].task_id
    assert found[0].receipt is None


async def test_a_request_is_completed_or_refused_by_what_the_subnet_knows(autojump_clock: object) -> None:
    route: Any = Route("POST", "/v1/double", _task, _reply, request=Ask, resolve=_resolve)
    async with house(Doubling()) as h:
        assert (await pieces(h.door, route, Ask(4)))[-1].reply == 10
        with pytest.raises(Gone):
            await pieces(h.door, route, Ask(13))
        assert len(h.exchanges) == 1


async def test_only_miners_that_the_subnet_names_are_asked(autojump_clock: object) -> None:
    async with house(Doubling(), Doubling(), Doubling()) as h:
        wanted = h.miners[1].hotkey
        named: Any = Route("POST", "/v1/double", _task, _reply, request=Ask, who=lambda task, view: [wanted])
        for value in range(4):
            assert (await pieces(h.door, named, Ask(value)))[-1].miner == wanted
        nobody: Any = Route("POST", "/v1/double", _task, _reply, request=Ask, who=lambda task, view: [])
        with pytest.raises(NoMiner):
            await pieces(h.door, nobody, Ask(1))


async def test_a_seeded_request_meets_the_same_miner_again(autojump_clock: object) -> None:
    async with house(*(Doubling() for _ in range(4))) as h:
        number = iter(range(10_000))
        h.door._random_bytes = lambda size: next(number).to_bytes(size, "big")
        seeded = {(await pieces(h.door, PLAIN, Ask(5, seed=7)))[-1].miner for _ in range(12)}
        drawn = {(await pieces(h.door, PLAIN, Ask(5)))[-1].miner for _ in range(24)}
    assert len(seeded) == 1
    assert len(drawn) > 1


async def test_a_local_route_is_answered_by_this_node_or_says_why_not(autojump_clock: object) -> None:
    async def stats(host: Host, request: Empty) -> Any:
        return host

    route: Any = LocalRoute("GET", "/v1/stats", stats, Empty)
    async with house() as h:
        assert await h.door.answer(route, Empty()) is h.door._host
        h.door._host = None
        with pytest.raises(NoMiner, match="keeps nothing"):
            await h.door.answer(route, Empty())


async def test_a_closed_door_says_why() -> None:
    door = Closed("Still starting.")
    with pytest.raises(NoMiner, match="Still starting"):
        await pieces(door, PLAIN, Ask(1))  # type: ignore[arg-type]
    with pytest.raises(NoMiner, match="Still starting"):
        await door.answer(LocalRoute("GET", "/v1/stats", None, Empty), Empty())  # type: ignore[arg-type]
    assert door.models() == []


async def test_the_offered_models_are_found_by_path_and_name(autojump_clock: object) -> None:
    class Two(Doubling):
        def offerings(self, view: View) -> tuple[Offering, ...]:
            return (Offering("calculator", facts={"context": 8}), Offering("embedder", "/v1/embeddings"))

    async with house(Doubling()) as h:
        h.door._subnet = Two()
        shown = h.door.models()
        assert [(each.name, each.path, dict(each.facts)) for each in shown] == [
            ("calculator", CHAT_PATH, {"context": 8}), ("embedder", "/v1/embeddings", {}),
        ]  # fmt: skip
        matches = find_routes([h.door], "POST", CHAT_PATH)
        assert by_model(matches, "calculator") is not None
        assert by_model(matches, "embedder") is None
        assert "calculator" in str(unknown_model(matches, CHAT_PATH, "x"))
        assert methods_of([h.door], CHAT_PATH) == ["POST"]
