"""The chutes that the program brings along, and real models of the catalogue written down as chutes.

`house_chutes` are in every catalogue from the first block; `demo_chutes` are for whoever deploys them.
"""

from typing import Final

import msgspec

from node.primitives.address import to_ss58
from node.primitives.types import ACCOUNT_BYTES, AccountId
from node.subnets.chutes.bundle import Chute, Constant, Feed, File, Input, Needs, Output
from node.subnets.chutes.house.labels import CONTENT_TYPES
from node.subnets.chutes.steps import (
    Batch,
    ByteEnds,
    CentreCrop,
    MeanPool,
    Normalise,
    Pixels,
    Resize,
    Scale,
    Stretch,
    SwapChannels,
    ToChw,
    Tokenise,
    TopK,
    ToPng,
    Unit,
)

NOBODY: Final = AccountId(bytes(ACCOUNT_BYTES))
EDGES_FILE: Final = File(
    role="model", sha256="52b479e611ec2db24fac4c23b26d037fc3d9af1407cefe18d01c17191e2c7316", size=392
)
_MEGA: Final = 1_000_000


def house_chutes() -> tuple[Chute, ...]:
    """Those that need no file but what the program has: outlines of pictures."""
    edges = Chute(
        name="edges", owner=to_ss58(NOBODY), kind="tensor", about="Outlines of a picture, by two Sobel filters.",
        licence="Apache-2.0", files=(EDGES_FILE,),
        inputs=(
            Input(
                name="picture", dtype="uint8", shape=("height", "width", 3), to=("picture",),
                pre=(Normalise(mean_ppm=(0,), std_ppm=(255 * _MEGA,)), ToChw(), Batch()),
            ),
        ),
        feeds=(Feed(name="picture", dtype="float32", shape=(1, 3, "height", "width")),),
        outputs=(
            Output(name="edges", dtype="float32", shape=(1, 1, "height", "width"), post=(Stretch(), ToPng())),
        ),
        limits={"height": 1024, "width": 1024}, macs="21*height*width", eps_ppm=1000, needs=Needs(ram_mb=16),
    )  # fmt: skip
    return (edges,)


def demo_chute(owner: AccountId = NOBODY) -> Chute:
    """A real small model, 3 MB: which of 214 kinds of content some bytes are."""
    return Chute(
        name="magika", owner=to_ss58(owner), kind="classification", version=3,
        about="Tells the content type of a file from its first and last bytes.", licence="Apache-2.0",
        files=(_file("magika"),),
        inputs=(
            Input(
                name="content", dtype="uint8", shape=("bytes",), to=("bytes",),
                pre=(ByteEnds(block=4096, first=1024, last=1024, padding=256),),
            ),
        ),
        feeds=(Feed(name="bytes", dtype="int32", shape=("batch", 2048)),),
        outputs=(Output(name="target_label", dtype="float32", shape=("batch", 214), post=(TopK(k=3),)),),
        limits={"bytes": 8192, "batch": 1}, macs="366717952*batch", eps_ppm=1000, labels=CONTENT_TYPES,
        needs=Needs(ram_mb=75), price_rao=1000, creator_share_percent=10, warm_seconds=3600,
    )  # fmt: skip


def demo_chutes(owner: AccountId = NOBODY) -> tuple[Chute, ...]:
    """Four models of the catalogue: content types, vectors of texts, terrain pictures, the safety of pictures."""
    return demo_chute(owner), _embeddings(owner), _terrain(owner), _safety(owner)


def _embeddings(owner: AccountId) -> Chute:
    tokens = ("input_ids", "attention_mask", "token_type_ids")
    return Chute(
        name="all-minilm-l6-v2", owner=to_ss58(owner), kind="embedding",
        about="Vectors of 384 numbers for sentences, of length 1.", licence="Apache-2.0",
        files=(_file("all-minilm-l6-v2"), _file("all-minilm-l6-v2", 1)),
        inputs=(
            Input(name="texts", dtype="text", shape=("batch",), to=tokens, pre=(Tokenise(max_tokens=256),)),
        ),
        feeds=tuple(Feed(name=name, dtype="int64", shape=("batch", "sequence")) for name in tokens),
        outputs=(
            Output(
                name="last_hidden_state", dtype="float32", shape=("batch", 384),
                reduce=(MeanPool(mask="attention_mask"), Unit()),
            ),
        ),
        limits={"batch": 64, "sequence": 256}, macs="4608*batch*sequence^2 + 10616832*batch*sequence",
        eps_ppm=1000, needs=Needs(ram_mb=260), price_rao=1000, creator_share_percent=5,
    )  # fmt: skip


def _terrain(owner: AccountId) -> Chute:
    return Chute(
        name="terrain-diffusion", owner=to_ss58(owner), kind="image-generation",
        about="Grey height maps of invented land, one step of diffusion from seeded noise.", licence="MIT",
        files=(_file("terrain-diffusion"),),
        inputs=(
            Input(
                name="noise", dtype="float32", shape=("batch", 1, 128, 128), to=("noisy",),
                pre=(Scale(factor_ppm=80 * _MEGA),),
            ),
        ),
        feeds=(Feed(name="noisy", dtype="float32", shape=("batch", 1, 128, 128)),),
        constants=(
            Constant(name="sigma", dtype="float32", shape=("batch",), value=80),
            Constant(name="difficulty", dtype="float32", shape=("batch",), value=1, over=2),
        ),
        outputs=(
            Output(
                name="denoised", dtype="uint8", shape=("batch", 1, 128, 128), reduce=(Stretch(), Pixels()),
                post=(ToPng(),),
            ),
        ),
        limits={"batch": 1}, macs="8846971008*batch", eps_ppm=10_000, needs=Needs(ram_mb=200), price_rao=1000,
    )  # fmt: skip


def _safety(owner: AccountId) -> Chute:
    return Chute(
        name="open-nsfw", owner=to_ss58(owner), kind="classification",
        about="How likely a picture is not safe to show.", licence="BSD-2-Clause",
        files=(_file("open-nsfw"),),
        inputs=(
            Input(
                name="picture", dtype="uint8", shape=("height", "width", 3), to=("input_0",),
                pre=(
                    Resize(height=256, width=256), CentreCrop(height=224, width=224), SwapChannels(),
                    Normalise(mean_ppm=(104 * _MEGA, 117 * _MEGA, 123 * _MEGA), std_ppm=(_MEGA,)), Batch(),
                ),
            ),
        ),
        feeds=(Feed(name="input_0", dtype="float32", shape=("batch", 224, 224, 3)),),
        outputs=(Output(name="4195", dtype="float32", shape=("batch", 2), post=(TopK(k=2),)),),
        limits={"height": 2048, "width": 2048, "batch": 1}, macs="1068550144*batch", eps_ppm=5000,
        labels=("safe", "unsafe"), needs=Needs(ram_mb=130), price_rao=1000,
    )  # fmt: skip


def _file(model: str, number: int = 0) -> File:
    """A file of the catalogue: the graph, or the tokenizer beside it."""
    from models import find_entry

    pinned = find_entry(model).pinned()[number]
    return File(role="tokenizer" if number else "model", sha256=pinned.sha256, size=pinned.size_bytes)


def with_owner(chute: Chute, owner: AccountId) -> Chute:
    """The same chute as somebody else's."""
    return msgspec.structs.replace(chute, owner=to_ss58(owner))
