"""The users' way in: a question goes to a good miner and the answer streams back. Used by every gateway alike."""

from collections.abc import AsyncGenerator
from typing import Protocol

from node.market.chat import ChatPart, ChatRequest, ModelInfo

__all__ = ["ChatPart", "ChatRequest", "FrontDoor", "ModelInfo"]


class FrontDoor(Protocol):
    """What a gateway needs. Wrap `ask` in `contextlib.aclosing`: leaving the block stops the miner."""

    def ask(self, request: ChatRequest) -> AsyncGenerator[ChatPart, None]:
        """Stream an answer. Raises BadRequest, NoMiner, CallTimeout, CallRefused or CallBroken (all MarketError)."""
        ...

    def models(self) -> list[ModelInfo]:
        """The models that can be asked now."""
        ...
