"""What users send to chutes and get back over HTTP, in the Open Inference form, and how that becomes arrays.

Data only. Numbers come as nested or flat lists, or as base64 of little-endian bytes; pictures also as PNG files.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec

from node.market.errors import TooLarge, Unfit
from node.primitives.crypto import digest
from node.primitives.text import nfc
from node.primitives.types import Hash
from node.subnets.base import BlobRef, Usage
from node.subnets.chutes.bundle import Chute, Input
from node.subnets.chutes.dims import elements, shown
from node.subnets.chutes.limits import ARRAY_BYTES_MAX, INLINE_BYTES_MAX, PORTS_MAX
from node.subnets.chutes.messages import BLOB_TYPE, ITEM_BYTES, Noise, Slab, Tensor

if TYPE_CHECKING:
    import numpy as np

DATATYPES: Final = {
    "FP32": "float32", "FP16": "float16", "INT64": "int64", "INT32": "int32", "INT8": "int8", "UINT8": "uint8",
    "BOOL": "bool", "BYTES": "text",
}  # fmt: skip
_NAMES: Final = {dtype: name for name, dtype in DATATYPES.items()}


class BlobInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes that were uploaded before; `POST /v1/chutes/blobs` says the hash."""

    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    size: Annotated[int, msgspec.Meta(ge=1, le=ARRAY_BYTES_MAX)]


class InferInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One array: numbers in `data` (nested or flat), `base64`, `png` or a `blob`, or noise out of `seed`."""

    name: str
    datatype: Literal["FP32", "FP16", "INT64", "INT32", "INT8", "UINT8", "BOOL", "BYTES"] | None = None
    shape: tuple[int, ...] | None = None
    data: list[Any] | None = None
    base64: str | None = None
    png: str | None = None
    blob: BlobInput | None = None
    law: Literal["uniform", "normal", "bytes"] | None = None
    seed: int | None = None


class InferRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A call of one chute; `id` comes back as it is."""

    chute: str
    inputs: Annotated[tuple[InferInput, ...], msgspec.Meta(min_length=1, max_length=PORTS_MAX)]
    id: Annotated[str, msgspec.Meta(max_length=64)] = ""


class InferOutput(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One output: its numbers, flat, and how the chute shows them; a large one is named by its blob alone."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: list[Any] | None = None
    shown: Any = None
    png: tuple[str, ...] = ()
    blob: BlobInput | None = None


class InferReply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole answer."""

    model_name: str
    model_version: str
    outputs: tuple[InferOutput, ...]
    id: str = ""
    units: int = 0


def tensor_of(port: Input, given: InferInput, entropy: bytes) -> Tensor:
    """The array a user sent for an input. Raises Unfit with what was expected and got, TooLarge."""
    wanted = _NAMES[port.dtype]
    if given.datatype is not None and given.datatype != wanted:
        raise Unfit(f"{port.name}: expected {wanted}, got {given.datatype}.", param=port.name)
    ways = [way for way in ("data", "base64", "png", "blob", "law") if getattr(given, way) is not None]
    if len(ways) != 1:
        raise Unfit(
            f"{port.name}: expected one of data, base64, png, blob and law, got {' and '.join(ways) or 'none'}.",
            param=port.name,
        )
    if port.dtype == "text":
        return _texts(port, given)
    if given.png is not None:
        return _picture(port, given.png)
    if given.law is not None:
        return _noise(port, given, entropy)
    if given.blob is not None:
        shape = _shape(port, given)
        reference = BlobRef(Hash(bytes.fromhex(given.blob.sha256)), given.blob.size, BLOB_TYPE)
        if given.blob.size != elements(shape) * ITEM_BYTES[port.dtype]:
            expected = elements(shape) * ITEM_BYTES[port.dtype]
            raise Unfit(f"{port.name}: expected {expected} bytes, got {given.blob.size}.", param=port.name)
        return Tensor(port.name, port.dtype, shape, blob=(reference,))
    return _numbers(port, given)


def _texts(port: Input, given: InferInput) -> Tensor:
    texts = given.data
    if texts is None or not all(isinstance(text, str) for text in texts):
        raise Unfit(f"{port.name}: expected a list of strings in data.", param=port.name)
    if given.shape not in (None, (len(texts),)):
        raise Unfit(f"{port.name}: expected shape {[len(texts)]}, got {list(given.shape or ())}.", param=port.name)
    return Tensor(port.name, "text", (len(texts),), texts=tuple(map(nfc, texts)))


def _shape(port: Input, given: InferInput) -> tuple[int, ...]:
    if given.shape is not None:
        if len(given.shape) != len(port.shape) or any(size < 1 for size in given.shape):
            raise Unfit(f"{port.name}: expected shape {shown(port.shape)}, got {list(given.shape)}.", param=port.name)
        return given.shape
    if any(isinstance(axis, str) for axis in port.shape):
        raise Unfit(f"{port.name}: expected a shape like {shown(port.shape)}, got none.", param=port.name)
    return tuple(axis for axis in port.shape if isinstance(axis, int))


def _numbers(port: Input, given: InferInput) -> Tensor:
    from node.subnets.chutes.arrays import from_bytes, to_bytes

    if given.base64 is not None:
        array = from_bytes(port.name, port.dtype, _shape(port, given), _decoded(port.name, given.base64))
    else:
        array = _listed(port, given)
    return _inline(port, array.shape, to_bytes(array))


def _inline(port: Input, shape: tuple[int, ...], data: bytes) -> Tensor:
    if len(data) > INLINE_BYTES_MAX:
        raise TooLarge(
            f"{port.name}: {len(data)} bytes; more than {INLINE_BYTES_MAX} are uploaded first and named as a blob.",
            param=port.name,
        )
    return Tensor(port.name, port.dtype, shape, data=data)


def _listed(port: Input, given: InferInput) -> "np.ndarray":
    """Numbers out of a list. Raises Unfit for other things than numbers, and for numbers the type does not hold."""
    import numpy as np

    from node.subnets.chutes.arrays import is_finite

    try:
        loose = np.array(given.data)
    except (ValueError, OverflowError) as error:
        raise Unfit(f"{port.name}: expected rows of equal length, got a ragged list.", param=port.name) from error
    kinds = {"f": "iuf", "i": "iu", "u": "iu", "b": "b"}[np.dtype(port.dtype).kind]
    if loose.dtype.kind not in kinds:
        raise Unfit(f"{port.name}: expected {_NAMES[port.dtype]} numbers, got {loose.dtype.name}.", param=port.name)
    if loose.dtype.kind in "iu" and port.dtype[0] in "iu" and loose.size:
        bounds = np.iinfo(port.dtype)
        if loose.min() < bounds.min or loose.max() > bounds.max:
            raise Unfit(f"{port.name}: expected {bounds.min} to {bounds.max}, got other numbers.", param=port.name)
    with np.errstate(over="ignore"):
        array = loose.astype(port.dtype)
    if not is_finite(array):
        raise Unfit(f"{port.name}: expected finite numbers, got NaN or infinity.", param=port.name)
    shape = given.shape or array.shape
    if elements(shape) != array.size:
        raise Unfit(
            f"{port.name}: expected {elements(shape)} numbers for {list(shape)}, got {array.size}.", param=port.name
        )
    return array.reshape(shape)


def _picture(port: Input, text: str) -> Tensor:
    from node.subnets.chutes.arrays import to_bytes
    from node.subnets.chutes.png import decode_png

    if port.dtype != "uint8" or len(port.shape) != 3:
        raise Unfit(f"{port.name}: expected {_NAMES[port.dtype]} {shown(port.shape)}, got a PNG.", param=port.name)
    pixels = decode_png(_decoded(port.name, text))
    if port.shape[-1] == 3 and pixels.shape[-1] == 1:
        pixels = pixels.repeat(3, axis=-1)
    return _inline(port, pixels.shape, to_bytes(pixels))


def _noise(port: Input, given: InferInput, entropy: bytes) -> Tensor:
    if given.seed is not None and not 0 <= given.seed < 2**64:
        raise Unfit(f"{port.name}: expected a seed of 0 to 2^64 - 1.", param=port.name)
    seed = entropy if given.seed is None else digest("user-seed", given.seed.to_bytes(8, "big"))
    noise = Noise(seed, str(given.law), personal=given.seed is None)
    return Tensor(port.name, port.dtype, _shape(port, given), noise=(noise,))


def _decoded(name: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unfit(f"{name}: expected base64.", param=name) from error


# --- back -------------------------------------------------------------------------------------------------------------


class Pieces(msgspec.Struct, frozen=True):
    """What one part of an answer holds, until all of them make one reply."""

    chute: bytes
    slabs: tuple[Slab, ...]
    usage: Usage
    done: bool


def reply_of(chute: Chute, pieces: Sequence[Pieces]) -> InferReply:
    """The whole answer of a chute. Raises MalformedMessage, Unfit for pieces that do not fit each other."""
    from node.subnets.chutes.arrays import join

    slabs = [slab for piece in pieces for slab in piece.slabs]
    blobs = {slab.name: slab for slab in slabs if slab.blob}
    arrays = join(slab for slab in slabs if not slab.blob)
    outputs = []
    for output in chute.outputs:
        if output.name in blobs:
            slab = blobs[output.name]
            blob = BlobInput(slab.blob[0].sha256.hex(), slab.blob[0].size)
            outputs.append(InferOutput(name=slab.name, datatype=_NAMES[slab.dtype], shape=slab.shape, blob=blob))
        elif output.name in arrays:
            outputs.append(_output(chute, output.name, arrays))
    units = pieces[-1].usage.units if pieces else 0
    return InferReply(model_name=chute.name, model_version=str(chute.version), outputs=tuple(outputs), units=units)


def _output(chute: Chute, name: str, arrays: "Mapping[str, np.ndarray]") -> InferOutput:
    from node.subnets.chutes.after import Pictures, apply_post

    array = arrays[name]
    declared = next(each for each in chute.outputs if each.name == name)
    result = apply_post(name, array, declared.post, chute.labels) if declared.post else None
    head = InferOutput(name=name, datatype=_NAMES[array.dtype.name], shape=array.shape, data=array.reshape(-1).tolist())
    if isinstance(result, Pictures):
        files = tuple(base64.b64encode(each).decode() for each in result.files)
        return msgspec.structs.replace(head, data=None, png=files)
    if result is None:
        return head
    return msgspec.structs.replace(head, shown=result if isinstance(result, tuple) else result.tolist())
