"""The steps a bundle may name: before its graph, behind it, on the reader's side. This file only says what they are.

A closed list, so that a bundle is data: whoever reads one knows all that it can do. Numbers are integers; `_ppm` is
millionths. What each step computes is in `node.subnets.chutes.before` and `node.subnets.chutes.after`.
"""

from typing import Annotated

import msgspec

from node.subnets.chutes.limits import LABELS_MAX, PICTURE_SIDE_MAX

Side = Annotated[int, msgspec.Meta(ge=1, le=PICTURE_SIDE_MAX)]
Ppm = Annotated[int, msgspec.Meta(ge=-(10**12), le=10**12)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=10**12)]


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="step", omit_defaults=False):
    """Base of all steps; `step` is the name in JSON."""


# --- before the graph -----------------------------------------------------------------------------------------------


class Tokenise(Step, frozen=True, tag="tokenise"):
    """Texts -> ids, mask and type ids, each int64 [batch, tokens], padded to the longest and cut at `max_tokens`."""

    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=8192)]


class ByteEnds(Step, frozen=True, tag="byte-ends"):
    """Bytes -> int32 [1, first + last]: the first and last ones of a `block` without white space, else `padding`."""

    block: Annotated[int, msgspec.Meta(ge=1, le=65_536)]
    first: Annotated[int, msgspec.Meta(ge=1, le=65_536)]
    last: Annotated[int, msgspec.Meta(ge=0, le=65_536)]
    padding: Annotated[int, msgspec.Meta(ge=0, le=65_535)]


class Frames(Step, frozen=True, tag="frames"):
    """Samples [n] -> [frames, context + size]: each frame of `size` behind the last `context` samples before it."""

    size: Annotated[int, msgspec.Meta(ge=1, le=65_536)]
    context: Annotated[int, msgspec.Meta(ge=0, le=65_536)]


class Resize(Step, frozen=True, tag="resize"):
    """A picture [h, w, c] -> [height, width, c], bilinear with half-pixel centres, as float32."""

    height: Side
    width: Side


class CentreCrop(Step, frozen=True, tag="centre-crop"):
    """The middle of a picture [h, w, c]; it must be large enough."""

    height: Side
    width: Side


class Scale(Step, frozen=True, tag="scale"):
    """Times `factor_ppm` / 1 000 000, as float32."""

    factor_ppm: Ppm


class Normalise(Step, frozen=True, tag="normalise"):
    """(x - mean) / std along the last axis, one number a channel or one for all."""

    mean_ppm: Annotated[tuple[Ppm, ...], msgspec.Meta(min_length=1, max_length=16)]
    std_ppm: Annotated[tuple[Positive, ...], msgspec.Meta(min_length=1, max_length=16)]


class SwapChannels(Step, frozen=True, tag="swap-channels"):
    """Red, green, blue -> blue, green, red along the last axis."""


class ToChw(Step, frozen=True, tag="to-chw"):
    """A picture [h, w, c] -> [c, h, w]."""


class Batch(Step, frozen=True, tag="batch"):
    """One more axis in front, of size 1."""


PreStep = Tokenise | ByteEnds | Frames | Resize | CentreCrop | Scale | Normalise | SwapChannels | ToChw | Batch


# --- behind the graph, at the miner: what is sent and judged -------------------------------------------------------


class MeanPool(Step, frozen=True, tag="mean-pool"):
    """[batch, tokens, n] -> [batch, n]: the mean over the tokens that the feed `mask` counts."""

    mask: str


class Unit(Step, frozen=True, tag="l2-normalise"):
    """Each vector along the last axis to length 1."""


class Pixels(Step, frozen=True, tag="pixels"):
    """A picture in 0..1 to bytes 0..255, rounded to the nearest: a quarter of the size on its way."""


class Stretch(Step, frozen=True, tag="stretch"):
    """Each picture of the batch from its own smallest..largest value to 0..1."""


ReduceStep = MeanPool | Unit | Stretch | Pixels


# --- behind the wire, at the reader: how a result is shown ---------------------------------------------------------


class Softmax(Step, frozen=True, tag="softmax"):
    """Shares that sum to 1 along the last axis."""


class Sigmoid(Step, frozen=True, tag="sigmoid"):
    """1 / (1 + e^-x)."""


class Clip(Step, frozen=True, tag="clip"):
    """Between two bounds."""

    low_ppm: Ppm
    high_ppm: Ppm


class ArgMax(Step, frozen=True, tag="argmax"):
    """The place of the largest value along the last axis, the first of equals."""


class TopK(Step, frozen=True, tag="top-k"):
    """The `k` largest along the last axis, best first, with the label of each."""

    k: Annotated[int, msgspec.Meta(ge=1, le=LABELS_MAX)]


class ToPng(Step, frozen=True, tag="to-png"):
    """[1, c, h, w] or [h, w, c] in 0..1 -> PNG files; one channel is grey, three are colour."""


PostStep = Softmax | Sigmoid | Clip | Stretch | ArgMax | TopK | ToPng
