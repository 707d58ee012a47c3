"""PNG files of 8-bit grey or colour pictures, written and read. Strict: what it does not know it refuses.

Sizes are checked before anything is unpacked, so that a small file cannot unfold into a large one.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from node.market.errors import Unfit
from node.subnets.chutes.limits import PICTURE_SIDE_MAX

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
_CHANNELS: Final = {0: 1, 2: 3, 6: 4}  # grey, colour, colour with alpha (which is dropped)
_COLOURS: Final = {1: 0, 3: 2}
_CHUNKS_MAX: Final = 4096  # real files have a few to some hundred


def encode_png(pixels: "NDArray[np.uint8]") -> bytes:
    """The file of a picture uint8 [h, w, 1 or 3]; equal pixels give equal bytes with one zlib."""
    height, width, channels = pixels.shape
    rows = np.zeros((height, 1 + width * channels), np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    head = struct.pack(">IIBBBBB", width, height, 8, _COLOURS[channels], 0, 0, 0)
    data = zlib.compress(rows.tobytes(), 6)
    return _MAGIC + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def decode_png(data: bytes) -> "NDArray[np.uint8]":
    """The pixels uint8 [h, w, 1 or 3] of a file without interlacing, 8 bits a channel. Raises Unfit."""
    chunks = list(_chunks(data))
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13 or chunks[-1][0] != b"IEND":
        raise Unfit("This is no whole PNG file.", param="data")
    width, height, depth, colour, packing, filtering, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if not (0 < width <= PICTURE_SIDE_MAX and 0 < height <= PICTURE_SIDE_MAX):
        raise Unfit(f"A picture has sides of 1 to {PICTURE_SIDE_MAX} pixels, not {width} x {height}.", param="data")
    if depth != 8 or colour not in _CHANNELS or (packing, filtering, interlaced) != (0, 0, 0):
        raise Unfit("Only PNG files of 8 bits a channel without palette and interlacing are read.", param="data")
    channels = _CHANNELS[colour]
    size = height * (1 + width * channels)
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"), size)
    except zlib.error as error:
        raise Unfit(f"The PNG file is damaged: {error}.", param="data") from error
    if len(raw) != size:
        raise Unfit("The PNG file holds fewer rows than it says.", param="data")
    rows = np.frombuffer(raw, np.uint8).reshape(height, 1 + width * channels)
    pixels = _unfilter(rows, channels).reshape(height, width, channels)
    return np.ascontiguousarray(pixels[..., :3])


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not data.startswith(_MAGIC):
        raise Unfit("This is no PNG file.", param="data")
    at = len(_MAGIC)
    for _ in range(_CHUNKS_MAX):
        if at == len(data):
            return
        head = data[at : at + 8]
        length = int.from_bytes(head[:4], "big")
        body, seal = data[at + 8 : at + 8 + length], data[at + 8 + length : at + 12 + length]
        if len(head) != 8 or len(seal) != 4 or zlib.crc32(head[4:] + body) != int.from_bytes(seal, "big"):
            raise Unfit("The PNG file is damaged.", param="data")
        yield head[4:], body
        at += 12 + length
    raise Unfit("The PNG file is cut into too many pieces.", param="data")


def _unfilter(rows: "NDArray[np.uint8]", step: int) -> "NDArray[np.uint8]":
    """Undo the five filters of the format, row by row."""
    result = np.zeros((rows.shape[0], rows.shape[1] - 1), np.uint8)
    above = np.zeros(rows.shape[1] - 1, np.uint8)
    for number, row in enumerate(rows):
        kind, line = int(row[0]), row[1:].copy()
        if kind == 2:
            line += above
        elif kind == 1:
            line = np.add.accumulate(line.reshape(-1, step), axis=0, dtype=np.uint8).reshape(-1)
        elif kind in (3, 4):
            _by_pixel(line, above, step, kind)
        elif kind != 0:
            raise Unfit("The PNG file uses a filter that does not exist.", param="data")
        result[number] = above = line
    return result


def _by_pixel(line: "NDArray[np.uint8]", above: "NDArray[np.uint8]", step: int, kind: int) -> None:
    """Average and Paeth need the pixel to the left first."""
    values, up = line.tolist(), above.tolist()
    for at in range(len(values)):
        a, b = (values[at - step] if at >= step else 0), up[at]
        c = up[at - step] if at >= step else 0
        if kind == 3:
            guess = (a + b) // 2
        else:
            pa, pb, pc = abs(b - c), abs(a - c), abs(a + b - 2 * c)
            guess = a if pa <= pb and pa <= pc else b if pb <= pc else c
        values[at] = (values[at] + guess) & 0xFF
    line[:] = values
