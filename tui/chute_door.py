"""What the page of Chutes asks of the node's door. Every method raises one of `tui.port.API_ERRORS`."""

from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from node.control.errors import ProtocolError
from node.control.route_api import Verb
from tui.chutes import Answer, Card, Chute, Seen

if TYPE_CHECKING:
    from node.control.api import Api

T = TypeVar("T")
_PATH: Final = "/v1/chutes"


class Warm(msgspec.Struct, frozen=True):
    """Who keeps a chute warm now."""

    miner: str = ""


class ChuteDoor:
    """One node's door; chutes are named by their ids, which are hexadecimal."""

    def __init__(self, api: "Api") -> None:
        self._api = api

    async def all(self) -> list[Chute]:
        """Return the public chutes of the network."""
        return await self._ask("GET", _PATH, list[Chute])

    async def card(self, chute: str) -> Card:
        """Return a chute with its definition."""
        return await self._ask("GET", f"{_PATH}/{chute}", Card)

    async def seen(self, chute: str) -> Seen:
        """Return what the node saw of it."""
        return await self._ask("GET", f"{_PATH}/{chute}/stats", Seen)

    async def call(self, chute: str, given: dict[str, Any]) -> Answer:
        """Have a miner run it on one input. The node pays what the miner asks."""
        return await self._ask("POST", f"{_PATH}/{chute}/infer", Answer, {"inputs": [given]})

    async def warm(self, chute: str) -> Warm:
        """Have a miner load it and prove that it holds the model."""
        return await self._ask("POST", f"{_PATH}/{chute}/warmup", Warm)

    async def price(self, chute: str, price_rao: int) -> Chute:
        """Recommend another price for a chute of one's own."""
        return await self._ask("PUT", f"{_PATH}/{chute}", Chute, {"price_rao": price_rao})

    async def retire(self, chute: str) -> Chute:
        """Withdraw a chute of one's own."""
        return await self._ask("DELETE", f"{_PATH}/{chute}", Chute)

    async def _ask(self, method: Verb, path: str, kind: type[T], body: object = None) -> T:
        text = "" if body is None else msgspec.json.encode(body).decode()
        reply = await self._api.route(method, path, (), text)
        try:
            return msgspec.json.decode(reply.body, type=kind)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise ProtocolError("The node's answer has a form that this window does not know.") from error
