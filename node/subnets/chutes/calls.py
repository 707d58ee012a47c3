"""What users ask of miners: a run of a chute, a chat, vectors, an image, a warm instance; as tasks and as replies.

A chute is named by its id or its name. What does not fit the chute is refused here, before any miner is asked.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from node.market.chat import ChatPart, ChatRequest
from node.market.errors import BadRequest, CallBroken, Gone, MalformedMessage, NotFound, Unfit
from node.market.forms import EmbeddingReply, EmbeddingRequest, ImageReply, ImageRequest
from node.primitives.address import to_ss58
from node.primitives.crypto import digest
from node.primitives.types import AccountId
from node.subnets.base import Comment, Offering, Route, Usage, View
from node.subnets.chutes.bundle import Chute, Input
from node.subnets.chutes.catalogue import Catalogue, Listed, warm_miners
from node.subnets.chutes.chats import chat_usage, check_chat
from node.subnets.chutes.dims import elements
from node.subnets.chutes.limits import ANSWER_INLINE_BYTES_MAX
from node.subnets.chutes.messages import ITEM_BYTES, ChutePart, ChuteTask, Hold, Noise, Tensor
from node.subnets.chutes.requests import InferReply, InferRequest, Pieces, reply_of, tensor_of
from node.subnets.doors import CHAT_PATH, EMBEDDINGS_PATH, IMAGES_PATH, AnyRoute
from node.subnets.nineteen.messages import to_reply as chat_reply
from node.subnets.nineteen.messages import to_task as chat_task

_PATHS: Final = {"text-generation": CHAT_PATH, "embedding": EMBEDDINGS_PATH, "image-generation": IMAGES_PATH}


class WarmRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which chute some miner shall have ready."""

    chute: str


class Warm(msgspec.Struct, frozen=True):
    """The miner that proved to hold the chute's model."""

    chute: str
    miner: str
    is_warm: bool


def find(catalogue: Catalogue, view: View, name: str) -> Listed:
    """The living chute of that id or name. Raises NotFound, Gone."""
    listed = catalogue.named(view, name)
    if listed is not None:
        return listed
    raw = bytes.fromhex(name) if len(name) == 64 and all(each in "0123456789abcdef" for each in name) else b""
    if raw and catalogue.is_retired(view, raw):
        raise Gone(f"The chute {name[:12]} was retired by its owner.", param="chute")
    raise NotFound(f"There is no chute {name[:80]!r}; GET /v1/chutes lists those that are.", param="chute")


class Calls:
    """The routes that miners answer. `asked` is told of every call of this node's own users."""

    def __init__(self, catalogue: Catalogue, asked: Callable[[bytes], None]) -> None:
        self._catalogue = catalogue
        self._asked = asked

    def routes(self) -> tuple[AnyRoute, ...]:
        """All of them."""
        return (
            Route(
                "POST", "/v1/chutes/{chute}/infer", self._infer_task, self._pieces, request=InferRequest,
                reply=InferReply, fold=self._infer_reply, resolve=self._resolved, who=self._who, quote=self._quote,
                summary="Run a chute on arrays, in the Open Inference form.",
            ),
            Route(
                "POST", "/v1/chutes/{chute}/warmup", self._warm_task, _warm_reply, request=WarmRequest, reply=Warm,
                resolve=self._resolved, who=self._who, summary="Have a miner load a chute and prove that it did.",
            ),
            Route(
                "POST", CHAT_PATH, self._chat_task, _chat_reply, stream=True, resolve=self._model_resolved,
                who=self._who, quote=self._quote, summary="Chat with a text-generation chute.",
            ),
            Route(
                "POST", EMBEDDINGS_PATH, self._embedding_task, _embedding_reply, resolve=self._model_resolved,
                who=self._who, quote=self._quote, summary="Vectors by an embedding chute.",
            ),
            Route(
                "POST", IMAGES_PATH, self._image_task, self._pieces, fold=self._image_reply,
                resolve=self._model_resolved, who=self._who, quote=self._quote,
                summary="An image by an image-generation chute.",
            ),
        )  # fmt: skip

    def offerings(self, view: View) -> Sequence[Offering]:
        """Public chutes that one of the OpenAI forms reaches, by name."""
        found: dict[tuple[str, str], Offering] = {}
        for listed in self._catalogue.all(view):
            path = _PATHS.get(listed.chute.kind)
            if path is not None and listed.chute.visibility == "public" and fits_form(listed.chute):
                facts: dict[str, str | int] = {
                    "licence": listed.chute.licence, "chute": listed.id.hex(),
                    "instances": len(warm_miners(view, listed.id)),
                }  # fmt: skip
                found.setdefault((path, listed.chute.name), Offering(listed.chute.name, path, facts))
        return tuple(found.values())

    # --- which chute, which miners ----------------------------------------------------------------------------------

    def _resolved(self, request: InferRequest | WarmRequest, view: View) -> InferRequest | WarmRequest:
        return msgspec.structs.replace(request, chute=find(self._catalogue, view, request.chute).id.hex())

    def _model_resolved(
        self, request: ChatRequest | EmbeddingRequest | ImageRequest, view: View
    ) -> ChatRequest | EmbeddingRequest | ImageRequest:
        return msgspec.structs.replace(request, model=find(self._catalogue, view, request.model).id.hex())

    def _chute(self, chute: str) -> tuple[bytes, Chute]:
        """The definition behind a resolved name. Raises NotFound."""
        raw = bytes.fromhex(chute)
        found = self._catalogue.known(raw)
        if found is None:
            raise NotFound(f"There is no chute {chute[:12]}.", param="chute")
        return raw, found

    def _who(self, task: ChuteTask, view: View) -> Sequence[AccountId]:
        """Those who say they are warm; where nobody is, everybody may wake it."""
        return warm_miners(view, task.chute) or tuple(neuron.hotkey for neuron in view.neurons)

    def _quote(self, task: ChuteTask) -> Usage:
        chute = self._catalogue.known(task.chute)
        if chute is None or task.hold:
            return Usage()
        if task.chat:
            tokens = chute.limits["tokens"]
            return chat_usage(chute, Usage(tokens, task.chat[0].max_tokens))
        from node.subnets.chutes.runs import quoted

        return quoted(chute, task.inputs)

    def _task(self, chute: bytes, definition: Chute, entropy: bytes, inputs: tuple[Tensor, ...]) -> ChuteTask:
        """A task that fits its chute. Raises Unfit, TooLarge."""
        from node.subnets.chutes.runs import check_inputs

        check_inputs(definition, inputs)
        task = ChuteTask(chute, digest("task-seed", entropy), inputs=inputs)
        try:
            task.check()
        except MalformedMessage as error:
            raise Unfit(error.message, param="inputs") from error
        self._asked(chute)
        return task

    # --- a run ------------------------------------------------------------------------------------------------------

    def _infer_task(self, request: InferRequest, entropy: bytes) -> ChuteTask:
        raw, chute = self._chute(request.chute)
        if chute.is_text:
            raise Unfit(f"{chute.name} takes chats: send them to {CHAT_PATH}.", param="inputs")
        given = {each.name: each for each in request.inputs}
        wanted = [each.name for each in chute.inputs]
        if len(given) != len(request.inputs) or set(given) != set(wanted):
            got = ", ".join(each.name for each in request.inputs)
            raise Unfit(f"inputs: expected {', '.join(wanted)}, got {got[:200]}.", param="inputs")
        inputs = tuple(tensor_of(port, given[port.name], digest("chute-input", entropy)) for port in chute.inputs)
        return self._task(raw, chute, entropy, inputs)

    def _pieces(self, part: ChutePart, miner: AccountId) -> Pieces:
        return Pieces(part.chute, part.slabs, part.usage, part.done)

    def _infer_reply(self, pieces: Sequence[Pieces]) -> InferReply:
        return reply_of(self._chute(pieces[0].chute.hex())[1], pieces)

    def _warm_task(self, request: WarmRequest, entropy: bytes) -> ChuteTask:
        raw, chute = self._chute(request.chute)
        file = chute.file("model") or chute.files[0]
        held = Hold(bytes.fromhex(file.sha256), file.size, digest("chute-places", entropy))
        return ChuteTask(raw, digest("task-seed", entropy), hold=(held,))

    # --- the OpenAI forms -------------------------------------------------------------------------------------------

    def _chat_task(self, request: ChatRequest, entropy: bytes) -> ChuteTask:
        raw, chute = self._chute(request.model)
        if not chute.is_text:
            raise Unfit(f"{chute.name} is of kind {chute.kind} and does not chat.", param="model")
        chat = chat_task(request, entropy)
        check_chat(chute, chat)
        self._asked(raw)
        return ChuteTask(raw, digest("task-seed", entropy), chat=(chat,))

    def _embedding_task(self, request: EmbeddingRequest, entropy: bytes) -> ChuteTask:
        raw, chute = self._chute(request.model)
        port = _only_text(chute)
        if chute.kind != "embedding" or port is None:
            raise Unfit(f"{chute.name} makes no vectors of texts.", param="model")
        if request.tokens:
            raise Unfit(f"{chute.name} takes texts; it reads no token ids.", param="input")
        texts = Tensor(port.name, "text", (len(request.texts),), texts=request.texts)
        return self._task(raw, chute, entropy, (texts,))

    def _image_task(self, request: ImageRequest, entropy: bytes) -> ChuteTask:
        """The prompt where the model reads one, else only the seed; sizes as the chute has them."""
        raw, chute = self._chute(request.model)
        size = image_size(chute)
        if chute.kind != "image-generation" or size is None:
            raise Unfit(f"{chute.name} makes no images.", param="model")
        if (request.width, request.height) not in (size, (0, 0)):
            got = f"{request.width}x{request.height}"
            raise Unfit(f"{chute.name}: expected size {size[0]}x{size[1]}, got {got}.", param="size")
        if request.seed is not None and not 0 <= request.seed < 2**64:
            raise Unfit("seed: expected 0 to 2^64 - 1.", param="seed")
        number = b"" if request.seed is None else request.seed.to_bytes(8, "big")
        seed = digest("user-seed", number or entropy, request.prompt.encode())
        inputs = tuple(_image_input(port, request.prompt, seed, personal=not number) for port in chute.inputs)
        return self._task(raw, chute, entropy, inputs)

    def _image_reply(self, pieces: Sequence[Pieces]) -> ImageReply:
        """The picture that all parts together are. Raises CallBroken when they are none."""
        reply = reply_of(self._chute(pieces[0].chute.hex())[1], pieces)
        if not reply.outputs or not reply.outputs[0].png:
            raise CallBroken("The answer holds no picture.")
        import base64

        return ImageReply(image=base64.b64decode(reply.outputs[0].png[0]))


def fits_form(chute: Chute) -> bool:
    """Whether an OpenAI form can carry what the chute takes and gives."""
    match chute.kind:
        case "text-generation":
            return True
        case "embedding":
            return _only_text(chute) is not None and len(chute.outputs) == 1 and chute.outputs[0].dtype == "float32"
        case "image-generation":
            return image_size(chute) is not None
        case _:
            return False


def image_size(chute: Chute) -> tuple[int, int] | None:
    """Width and height of a chute's one picture, when it travels in the answer and is made of seeds and words alone."""
    if len(chute.outputs) != 1 or not chute.outputs[0].post or not all(map(_is_makeable, chute.inputs)):
        return None
    output = chute.outputs[0]
    sizes = [axis for axis in output.shape if isinstance(axis, int)]
    sides = [axis for axis in sizes if axis not in (1, 3)]
    if len(sides) != 2 or elements(sizes) * ITEM_BYTES[output.dtype] > ANSWER_INLINE_BYTES_MAX:
        return None
    return sides[1], sides[0]


def _is_makeable(port: Input) -> bool:
    return port.dtype in ("float32", "float16", "text")


def _image_input(port: Input, prompt: str, seed: bytes, *, personal: bool) -> Tensor:
    if port.dtype == "text":
        return Tensor(port.name, "text", (1,), texts=(prompt,))
    shape = tuple(axis if isinstance(axis, int) else 1 for axis in port.shape)
    return Tensor(port.name, port.dtype, shape, noise=(Noise(seed, "normal", personal=personal),))


def _only_text(chute: Chute) -> Input | None:
    return chute.inputs[0] if len(chute.inputs) == 1 and chute.inputs[0].dtype == "text" else None


def _warm_reply(part: ChutePart, miner: AccountId) -> Warm:
    return Warm(part.chute.hex(), to_ss58(miner), is_warm=part.done)


def _chat_reply(part: ChutePart, miner: AccountId) -> ChatPart | Comment:
    return chat_reply(part.chat[0], miner) if part.chat else Comment("working")


def _embedding_reply(part: ChutePart, miner: AccountId) -> EmbeddingReply:
    """The whole vectors of a part: pieces are cut between rows."""
    vectors = []
    for slab in part.slabs:
        width = slab.shape[-1] * ITEM_BYTES[slab.dtype]
        if len(slab.data) % width:
            raise MalformedMessage("A part holds broken vectors.")
        vectors += [slab.data[at : at + width] for at in range(0, len(slab.data), width)]
    return EmbeddingReply(vectors=tuple(vectors), prompt_tokens=part.usage.prompt_tokens)


__all__ = ["BadRequest", "Calls", "Warm", "WarmRequest", "find", "fits_form", "image_size"]
