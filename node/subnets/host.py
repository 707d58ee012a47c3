"""The door of `serve`, `judge` and `tick` to the world: seats, models, journals, large payloads, other miners.

Protocols only. The node implements them in `node.service.roles`, the workbench and tests in memory.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from models import FinishReason, Sampling, Token, Told, Verification
from node.primitives.codec import Wire
from node.primitives.types import AccountId, Hash
from node.subnets.picture import Answer, Entry, Neuron, View
from node.subnets.wire import Message

if TYPE_CHECKING:  # NumPy is loaded where a model runs, not where rules are read
    import numpy as np


class TextRuntime(Protocol):
    """A language model made asynchronous: nothing here blocks the event loop."""

    @property
    def name(self) -> str: ...

    @property
    def model_id(self) -> str:
        """SHA-256 of the model file, hex."""
        ...

    @property
    def context(self) -> int:
        """Longest prompt plus answer, in tokens."""
        ...

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        ...

    async def chat_prompt(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        """Token ids of a chat of (role, content). Raises models.BadPrompt."""
        ...

    async def visible_text(self, tokens: Sequence[int], sampling: Sampling) -> str:
        """The text that the stream of this answer adds up to."""
        ...

    def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Token, None]:
        """Tokens as they are drawn; close the generator to stop drawing."""
        ...

    async def token_bytes(self, tokens: Sequence[int]) -> list[bytes]:
        """What each token writes; a part of a character may be one token."""
        ...

    async def verify(
        self,
        prompt: Sequence[int],
        claimed: Sequence[int],
        sampling: Sampling,
        finish_reason: FinishReason,
        told: Told | None = None,
        *,
        seeded: bool = True,
    ) -> Verification:
        """Judge a claimed answer, and the probabilities told with it, by one teacher-forced pass in a worker thread.

        Without `seeded` the draws are another engine's own, and only how likely the tokens are is judged.
        """
        ...


class TensorModel(Protocol):
    """Any ONNX graph made asynchronous: arrays in, arrays out, by name."""

    @property
    def name(self) -> str: ...

    @property
    def model_id(self) -> str:
        """SHA-256 of the model file, hex."""
        ...

    async def run(self, feeds: "Mapping[str, np.ndarray]") -> "dict[str, np.ndarray]":
        """Run once, in a worker thread. Raises models.BadTensor for feeds that do not fit the graph's inputs."""
        ...


class Embedder(Protocol):
    """A model that turns texts into vectors of length 1."""

    @property
    def name(self) -> str: ...

    @property
    def model_id(self) -> str:
        """SHA-256 of the model file, hex."""
        ...

    @property
    def dimensions(self) -> int: ...

    async def embed(self, texts: Sequence[str]) -> "tuple[np.ndarray, int]":
        """A float32 array of shape (texts, dimensions), each row of length 1, and the number of tokens read."""
        ...


class ModelPool(Protocol):
    """The models of this process: fetched, converted and opened once, shared by every role."""

    async def text(self, name: str) -> TextRuntime:
        """The model of that catalogue name, opened on first use. Raises models.ModelError."""
        ...

    async def tensors(self, name: str) -> TensorModel:
        """The graph of that catalogue name, opened on first use. Raises models.ModelError."""
        ...

    async def tensor_file(self, path: Path) -> TensorModel:
        """The graph in an ONNX file that was checked before. Raises models.ModelError."""
        ...

    async def embedder(self, name: str) -> Embedder:
        """The embedding model of that catalogue name, opened on first use. Raises models.ModelError."""
        ...

    async def bundle(self, name: str) -> Path:
        """The verified bundle folder of that name, fetched if needed. Raises models.ModelError."""
        ...

    async def open(self, bundle: Path) -> TextRuntime:
        """The model in a bundle folder of the user's own. Raises models.ModelError."""
        ...


class JournalDoor(Protocol):
    """The journals of one subnet: everybody's to read, one's own to write."""

    async def append(self, kind: str, body: bytes) -> Entry:
        """Sign, keep and tell the next entry of one's own. Raises MarketError when the subnet's `apply` refuses it."""
        ...

    def entries(self, author: AccountId, *, kind: str | None = None) -> tuple[Entry, ...]:
        """The author's entries that are kept, oldest first; of one kind if named."""
        ...

    def state(self) -> Mapping[bytes, bytes]:
        """What `apply` made of all journals so far, read only."""
        ...


class BlobRef(Wire, frozen=True):
    """A large thing by its hash. `size` in bytes is checked before the first byte is fetched."""

    sha256: Hash
    size: int
    media_type: str


class BlobDoor(Protocol):
    """Large payloads: kept here for others, and fetched from whoever has them."""

    async def put(self, data: bytes, media_type: str) -> BlobRef:
        """Keep a content and give it to peers from now on. Raises MarketError without room."""
        ...

    async def get(self, ref: BlobRef, *, max_bytes: int, holders: Sequence[AccountId] = ()) -> bytes:
        """The whole content, from here or from peers. Raises MarketError when nobody has it or it is too large.

        `holders` are hotkeys that should have it, such as the one whose journal names it: those that are not connected
        are connected to first. Without them only the peers of the moment are asked.
        """
        ...


class Host(Protocol):
    """The only door of `serve`, `judge` and `tick` to the world; tests put a fake in its place."""

    @property
    def hotkey(self) -> AccountId:
        """Whom this node serves or judges as."""
        ...

    @property
    def models(self) -> ModelPool: ...

    @property
    def journal(self) -> JournalDoor: ...

    @property
    def blobs(self) -> BlobDoor: ...

    @property
    def folder(self) -> Path:
        """A folder of the subnet's own on this node's disk; it exists and is private."""
        ...

    def view(self) -> View:
        """The subnet as of now."""
        ...

    async def ask(self, miner: Neuron, task: Message) -> Answer:
        """Ask another miner and wait for its whole answer. Raises MarketError."""
        ...
