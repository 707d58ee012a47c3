"""Promises of the one front door: a question reaches the subnet that has its model, and a refusal says why."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

import pytest

from node.market.chat import ChatPart, ChatRequest, ChatTurn, ModelInfo
from node.market.errors import NoMiner, UnknownModel
from node.market.frontdoor import FrontDoor
from node.primitives.types import AccountId, NetUid
from node.service.doors import AllDoors, ClosedDoor


class Door:
    """Answers with its own netuid."""

    def __init__(self, netuid: int, *models: str) -> None:
        self.netuid = netuid
        self.names = models
        self.closed = False

    def models(self) -> list[ModelInfo]:
        return [ModelInfo(name, "test", self.netuid, 1) for name in self.names]

    async def ask(self, request: ChatRequest) -> AsyncGenerator[ChatPart, None]:
        try:
            for index in range(3):
                yield ChatPart(text=str(self.netuid), index=index, miner=AccountId(bytes(32)))
        finally:
            self.closed = True


def question(model: str) -> ChatRequest:
    return ChatRequest(model=model, messages=(ChatTurn("user", "hi"),))


def doors(*all_of_them: Door) -> tuple[AllDoors, dict[NetUid, FrontDoor]]:
    found: dict[NetUid, FrontDoor] = {NetUid(door.netuid): door for door in all_of_them}

    def look() -> Mapping[NetUid, FrontDoor]:
        return found

    return AllDoors(look), found


async def test_a_question_goes_to_the_subnet_that_has_the_model() -> None:
    front, _ = doors(Door(1, "a", "b"), Door(2, "c"))
    for model, netuid in (("a", "1"), ("b", "1"), ("c", "2")):
        assert [part.text async for part in front.ask(question(model))] == [netuid] * 3


async def test_of_a_name_that_two_subnets_have_the_first_counts_everywhere() -> None:
    front, _ = doors(Door(1, "a"), Door(2, "a", "z"))
    assert [(model.name, model.netuid) for model in front.models()] == [("a", 1), ("z", 2)]
    assert [part.text async for part in front.ask(question("a"))] == ["1"] * 3


async def test_a_model_that_nobody_has_is_refused_with_those_that_there_are() -> None:
    front, _ = doors(Door(1, "a"), Door(2, "c"))
    with pytest.raises(UnknownModel, match="known are a, c"):
        await anext(front.ask(question("q")))


async def test_a_subnet_that_comes_later_can_be_asked_at_once() -> None:
    front, found = doors(Door(1, "a"))
    found[NetUid(5)] = Door(5, "new")
    assert [part.text async for part in front.ask(question("new"))] == ["5"] * 3


async def test_a_user_who_leaves_closes_the_subnets_answer() -> None:
    door = Door(1, "a")
    front, _ = doors(door)
    async with aclosing(front.ask(question("a"))) as parts:
        await anext(parts)
    assert door.closed


async def test_a_closed_door_has_no_models_and_says_why() -> None:
    door = ClosedDoor("It is late.")
    assert door.models() == []
    with pytest.raises(NoMiner, match="It is late"):
        await anext(door.ask(question("a")))
