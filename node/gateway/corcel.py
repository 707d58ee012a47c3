"""The paths of Corcel and of Nineteen's own API, for programs that were written for them. Knows nothing of HTTP.

They lead to the chats and images of the OpenAI form; only the bodies differ. Facts of the form, not its servers' rules:
models are those of this network. Numbers that a pinned model has fixed (`steps`, `cfg_scale`) are sent by every such
program; they are read, skipped, and named in the answer.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import msgspec

from node.gateway.forms import Choice, Form
from node.gateway.limits import IMAGE_PROMPT_CHARS_MAX, IMAGE_SIDE_MAX
from node.gateway.media import base64_of
from node.gateway.openai import Asked, Meta, Model, parse, seed_of
from node.gateway.wire import Headers
from node.market.errors import BadRequest, CallBroken, Unsupported
from node.market.forms import ImageReply, ImageRequest
from node.market.routes import Piece
from node.subnets.doors import CHAT_PATH, IMAGES_PATH

VISION_CHAT: Final = "/v1/text/vision/chat"
CORTEXT_CHAT: Final = "/v1/text/cortext/chat"
VISION_IMAGE: Final = "/v1/image/vision/text-to-image"
NINETEEN_IMAGE: Final = "/v1/text-to-image"
LEADS_TO: Final = {
    VISION_CHAT: CHAT_PATH, CORTEXT_CHAT: CHAT_PATH, VISION_IMAGE: IMAGES_PATH, NINETEEN_IMAGE: IMAGES_PATH,
}  # fmt: skip
_SKIPPED: Final = ("cfg_scale", "steps")

Text = Annotated[str, Meta(min_length=1, max_length=IMAGE_PROMPT_CHARS_MAX)]
Side = Annotated[int, Meta(ge=1, le=IMAGE_SIDE_MAX)] | Annotated[str, Meta(pattern="^[1-9][0-9]{0,3}$")]
Number = int | float | Annotated[str, Meta(max_length=16)] | None


class Prompt(msgspec.Struct, frozen=True):
    """One text that an image is made of."""

    text: Text
    weight: float | None = None


class VisionImageBody(msgspec.Struct, frozen=True, kw_only=True):
    """`POST /v1/image/vision/text-to-image`: one prompt; sides as numbers or as their digits."""

    engine: Model
    text_prompts: Annotated[tuple[Prompt, ...], Meta(min_length=1, max_length=8)]
    width: Side = 0
    height: Side = 0
    seed: int | None = None
    steps: Number = None
    cfg_scale: Number = None


class NineteenImageBody(msgspec.Struct, frozen=True, kw_only=True):
    """`POST /v1/text-to-image`."""

    model: Model
    prompt: Text
    negative_prompt: Annotated[str, Meta(max_length=IMAGE_PROMPT_CHARS_MAX)] | None = None
    width: Side = 0
    height: Side = 0
    seed: int | None = None
    steps: Number = None
    cfg_scale: Number = None


def vision_image(body: bytes) -> Asked:
    """The image that `body` asks for. Raises BadRequest and Unsupported."""
    parsed = parse(body, VisionImageBody)
    if len(parsed.text_prompts) > 1 or (parsed.text_prompts[0].weight or 0) < 0:
        raise Unsupported("Images are made of one prompt here, and of none to keep away from.", param="text_prompts")
    return _image(parsed.engine, parsed.text_prompts[0].text, parsed)


def nineteen_image(body: bytes) -> Asked:
    """The image that `body` asks for. Raises BadRequest and Unsupported."""
    parsed = parse(body, NineteenImageBody)
    if parsed.negative_prompt:
        raise Unsupported("No model here takes a prompt to keep away from.", param="negative_prompt")
    return _image(parsed.model, parsed.prompt, parsed)


def _image(model: str, prompt: str, parsed: VisionImageBody | NineteenImageBody) -> Asked:
    width, height = int(parsed.width), int(parsed.height)
    for name, side in (("width", width), ("height", height)):
        if side > IMAGE_SIDE_MAX:
            raise BadRequest(f"An image has at most {IMAGE_SIDE_MAX} pixels a side.", param=name)
    request = ImageRequest(model=model, prompt=prompt, width=width, height=height, seed=seed_of(parsed.seed))
    return Asked(model, (request,), {})


PARSED: Final[dict[str, Callable[[bytes], Asked]]] = {VISION_IMAGE: vision_image, NINETEEN_IMAGE: nineteen_image}


def image_body(path: str, reply: ImageReply) -> dict[str, Any]:
    """The reply's body: links for Corcel's programs, which this node answers with the image itself in a data URL.

    Raises CallBroken for an answer without an image.
    """
    if not reply.image:
        raise CallBroken("A miner answered without an image.")
    image = base64_of(reply.image)
    skipped = {"neurond": {"skipped": _SKIPPED}}
    if path == VISION_IMAGE:
        return {"signed_urls": [f"data:{reply.media_type};base64,{image}"], **skipped}
    return {"image_b64": image, **skipped}


class CortextForm:
    """A chat whose whole body is a list of one, with a `delta` in place of each message. Streams are those of chats."""

    def __init__(self, inner: Form) -> None:
        self._inner = inner
        self.request_id = inner.request_id

    def headers(self, kind: Headers) -> Headers:
        return self._inner.headers(kind)

    def opening(self, index: int) -> list[dict[str, Any]]:
        return self._inner.opening(index)

    def chunks(self, index: int, piece: Piece) -> list[dict[str, Any]]:
        return self._inner.chunks(index, piece)

    def check(self, choices: Sequence[Choice]) -> None:
        self._inner.check(choices)

    def usage(self, choices: Sequence[Choice]) -> dict[str, Any]:
        return self._inner.usage(choices)

    def whole(self, choices: Sequence[Choice]) -> list[dict[str, Any]]:
        body = self._inner.whole(choices)
        shown = [{**{key: value for key, value in each.items() if key != "message"}, "delta": each["message"]}
                 for each in body["choices"]]  # fmt: skip
        return [{**body, "choices": shown}]
