"""Pictures as arrays of bytes: a PNG reader and writer, and one resampling filter. Pictures come from strangers.

Reads what cameras and programs write by default: 8 or 16 bits, grey, RGB, palette, with or without alpha, not
interlaced. Sizes are checked before anything is unpacked.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.errors import BadTensor
from models.limits import MAX_PICTURE_BYTES, MAX_PICTURE_PIXELS, MAX_PICTURE_SIDE

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type: grey, RGB, palette, grey and alpha, RGBA
_PALETTE: Final = 3
_COMPRESSION: Final = 6  # fixed: equal pixels give equal files

Pixels = NDArray[np.uint8]


def write_png(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """A PNG of [H,W] grey (8 or 16 bits) or [H,W,3] RGB (8 bits). Raises BadTensor."""
    grey = pixels.ndim == 2
    if not (grey or (pixels.ndim == 3 and pixels.shape[2] == 3)) or pixels.dtype not in (np.uint8, np.uint16):
        raise BadTensor(f"an array of shape {pixels.shape!s:.60} and type {pixels.dtype} is no picture")
    height, width = pixels.shape[:2]
    depth = 8 * pixels.dtype.itemsize
    rows = np.ascontiguousarray(pixels.astype(pixels.dtype.newbyteorder(">"))).view(np.uint8).reshape(height, -1)
    lines = np.zeros((height, rows.shape[1] + 1), np.uint8)  # each line begins with its filter: none
    lines[:, 1:] = rows
    header = struct.pack(">IIBBBBB", width, height, depth, 0 if grey else 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), _COMPRESSION)), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(kind, body) for kind, body in parts)


def read_png(raw: bytes) -> Pixels:
    """RGB bytes [H,W,3] of a PNG; alpha is laid over white. Raises BadTensor."""
    if len(raw) > MAX_PICTURE_BYTES or not raw.startswith(SIGNATURE):
        raise BadTensor(f"this is no PNG of at most {MAX_PICTURE_BYTES} bytes")
    header, palette, packed = b"", b"", []
    for kind, body in _chunks(raw):
        if kind == b"IHDR":
            header = body
        elif kind == b"PLTE":
            palette = body
        elif kind == b"IDAT":
            packed.append(body)
    if len(header) != 13:
        raise BadTensor("the PNG has no header")
    width, height, depth, colour, compression, filters, interlaced = struct.unpack(">IIBBBBB", header)
    if not (
        1 <= width <= MAX_PICTURE_SIDE and 1 <= height <= MAX_PICTURE_SIDE and width * height <= MAX_PICTURE_PIXELS
    ):
        raise BadTensor(
            f"the picture has {width} x {height} pixels; at most {MAX_PICTURE_SIDE} a side, {MAX_PICTURE_PIXELS} in all"
        )
    known = colour in _CHANNELS and depth in ((8,) if colour == _PALETTE else (8, 16))
    if not known or compression or filters or interlaced:
        raise BadTensor("only PNGs of 8 or 16 bits that are not interlaced are read; save it anew")
    width_bytes = width * _CHANNELS[colour] * depth // 8
    lines = _unpack(b"".join(packed), height * (width_bytes + 1)).reshape(height, width_bytes + 1)
    rows = _unfilter(lines, max(1, _CHANNELS[colour] * depth // 8))
    samples = rows.reshape(height, width, _CHANNELS[colour], depth // 8)[..., 0]  # of 16 bits the upper 8
    return _to_rgb(samples, colour, palette)


def resize(pixels: Pixels, height: int, width: int) -> Pixels:
    """Bytes [H,W,3] or [H,W] at another size, by a triangle filter that widens where the picture shrinks."""
    across = _along_columns(pixels, width)
    made = _along_columns(np.ascontiguousarray(across.swapaxes(0, 1)), height)
    return np.ascontiguousarray(made.swapaxes(0, 1))


def _along_columns(pixels: Pixels, width: int) -> Pixels:
    """Resample [H,W,...] to [H,width,...]; sums go tap by tap, so they are the same on every machine."""
    places, weights = _triangle(pixels.shape[1], width)
    wide = (width, *(1,) * (pixels.ndim - 2))
    made = np.zeros((pixels.shape[0], width, *pixels.shape[2:]), np.float64)
    for place, weight in zip(places, weights, strict=True):
        made += pixels[:, place] * weight.reshape(wide)
    return np.asarray(np.clip(np.floor(made + 0.5), 0, 255), np.uint8)


def _triangle(old: int, new: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Which columns [taps, new] a new column is made of, and their weights, which sum to 1 over the taps."""
    scale = max(1.0, old / new)
    centres = (np.arange(new) + 0.5) * old / new
    taps = np.arange(int(np.ceil(2 * scale)) + 1)[:, None]
    places = np.floor(centres - scale - 0.5).astype(np.int64) + 1 + taps
    weights = np.maximum(0.0, 1.0 - np.abs(places + 0.5 - centres) / scale)
    weights[(places < 0) | (places >= old)] = 0.0
    return np.clip(places, 0, old - 1), weights / weights.sum(axis=0)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _chunks(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at + 12 <= len(raw):
        length, kind = struct.unpack(">I4s", raw[at : at + 8])
        body = raw[at + 8 : at + 8 + length]
        if len(body) != length or raw[at + 8 + length : at + 12 + length] != struct.pack(">I", zlib.crc32(kind + body)):
            raise BadTensor("the PNG is cut off or damaged")
        yield kind, body
        if kind == b"IEND":
            return
        at += 12 + length
    raise BadTensor("the PNG is cut off")


def _unpack(packed: bytes, size: int) -> Pixels:
    """Exactly `size` bytes; a stream that holds more or less is refused without unpacking the rest."""
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(packed, size)
        more = stream.decompress(stream.unconsumed_tail, 1)
    except zlib.error as error:
        raise BadTensor(f"the PNG is damaged: {error}") from error
    if len(content) != size or more:
        raise BadTensor("the PNG does not hold as many pixels as its header says")
    return np.frombuffer(content, np.uint8)


def _unfilter(lines: Pixels, step: int) -> Pixels:
    """Undo the filter of each line; `step` is the bytes of a pixel."""
    rows = np.zeros((lines.shape[0] + 1, lines.shape[1] - 1), np.uint8)
    for i, line in enumerate(lines):
        kind, coded, above, row = int(line[0]), line[1:], rows[i], rows[i + 1]
        if kind == 0:
            row[:] = coded
        elif kind == 1:
            row[:] = np.add.accumulate(coded.reshape(-1, step), axis=0, dtype=np.uint8).reshape(-1)
        elif kind == 2:
            row[:] = coded + above
        elif kind in (3, 4):
            _unfilter_line(kind, coded.tolist(), above.tolist(), row, step)
        else:
            raise BadTensor("the PNG has a filter that does not exist")
    return rows[1:]


def _unfilter_line(kind: int, coded: list[int], above: list[int], row: Pixels, step: int) -> None:
    """The two filters whose bytes depend on the byte before: average, and Paeth's."""
    made = [0] * step + coded
    upper = [0] * step + above
    for i in range(step, len(made)):
        left, up, corner = made[i - step], upper[i], upper[i - step]
        if kind == 3:
            guess = (left + up) // 2
        else:
            by_left, by_up, by_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
            guess = left if by_left <= by_up and by_left <= by_corner else up if by_up <= by_corner else corner
        made[i] = (made[i] + guess) & 0xFF
    row[:] = made[step:]


def _to_rgb(samples: Pixels, colour: int, palette: bytes) -> Pixels:
    if colour == _PALETTE:
        table = np.frombuffer(palette[: len(palette) // 3 * 3], np.uint8).reshape(-1, 3)
        if not len(table) or int(samples.max()) >= len(table):
            raise BadTensor("the PNG uses colours that its palette does not have")
        return np.ascontiguousarray(table[samples[..., 0]])
    base = samples[..., :3] if colour in (2, 6) else np.repeat(samples[..., :1], 3, axis=2)
    if colour in (0, 2):
        return np.ascontiguousarray(base)
    alpha = samples[..., -1:].astype(np.uint32)
    return ((base * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
