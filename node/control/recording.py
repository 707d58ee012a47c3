"""The form of a recorded session: what a node answered and told, line by line with times, in one compressed file.

A gzip stream of JSON lines. The first says what this is, the last how many there were; between them are the greeting,
events of subscriptions, answers (only when they differ from the last one to the same question) and refusals. Times are
milliseconds since the beginning and never go back. No request that changes anything, no password, key or signed
transaction is ever in one. Whatever is read is bounded first: a file is a stranger's.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from node.control.errors import BadRecording
from node.control.limits import (
    RECORDING_BYTES_MAX,
    RECORDING_CONTENT_BYTES_MAX,
    RECORDING_LINE_BYTES_MAX,
    RECORDING_LINES_MAX,
    RECORDING_S_MAX,
)

FORMAT: Final = 1
_GZIP: Final = 31  # zlib's number for its window and a gzip frame
_CHUNK_BYTES: Final = 256 * 1024
_MAGIC: Final = b"\x1f\x8b"
_ENCODER: Final = msgspec.json.Encoder()

EntryKind = Literal["hello", "event", "answer", "refused", "link", "end"]


class Header(msgspec.Struct, frozen=True):
    """The first line. `scrubbed`: addresses, peer ids, paths and questions were replaced."""

    neurond_recording: int
    api: int
    version: str
    started_ms: int
    scrubbed: bool = False


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line: at `t` ms since the beginning. `method` and `params` are of answers and refusals alone."""

    t: int
    kind: EntryKind
    method: str = ""
    params: msgspec.Raw = msgspec.Raw(b"{}")
    data: msgspec.Raw = msgspec.Raw(b"null")


class End(msgspec.Struct, frozen=True):
    """What the last line says: how many entries came before it."""

    entries: int


_HEADER: Final = msgspec.json.Decoder(Header)
_ENTRY: Final = msgspec.json.Decoder(Entry)
_END: Final = msgspec.json.Decoder(End)


def canonical(params: Any) -> bytes:
    """Return the one JSON text of a request's parameters, by which its answers are found again."""
    return msgspec.json.encode(msgspec.to_builtins(params), order="sorted")


class Packer:
    """Turns a header and entries into the bytes of a file, bounded; it has no file itself."""

    def __init__(self, header: Header) -> None:
        self._packing = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
        self._waiting = bytearray()
        self._entries = 0
        self.content_bytes = 0
        self.file_bytes = 0
        self._add(_ENCODER.encode(header))

    @property
    def entries(self) -> int:
        return self._entries

    @property
    def is_full(self) -> bool:
        """Whether a bound of the form is so near that the recording must end."""
        room = RECORDING_CONTENT_BYTES_MAX - self.content_bytes
        return (
            room < 2 * RECORDING_LINE_BYTES_MAX
            or self.file_bytes + len(self._waiting) > RECORDING_BYTES_MAX - 2 * RECORDING_LINE_BYTES_MAX
            or self._entries >= RECORDING_LINES_MAX - 2
        )

    def add(self, entry: Entry) -> bool:
        """Take an entry in; False for one that is longer than a line may be, which is left out."""
        line = _ENCODER.encode(entry)
        if len(line) >= RECORDING_LINE_BYTES_MAX:
            return False
        self._add(line)
        self._entries += 1
        return True

    def take(self) -> bytes:
        """Return what can be written now; a file that ends there can be read up to there."""
        self._waiting += self._packing.flush(zlib.Z_SYNC_FLUSH)
        return self._drain()

    def end(self, t: int) -> bytes:
        """Return the last bytes, which say that nothing is missing."""
        self._add(_ENCODER.encode(Entry(t, "end", data=msgspec.Raw(_ENCODER.encode(End(self._entries))))))
        self._waiting += self._packing.flush(zlib.Z_FINISH)
        return self._drain()

    def _add(self, line: bytes) -> None:
        self.content_bytes += len(line) + 1
        self._waiting += self._packing.compress(line + b"\n")

    def _drain(self) -> bytes:
        out = bytes(self._waiting)
        self._waiting.clear()
        self.file_bytes += len(out)
        return out


def read_recording(path: Path, *, partial: bool = False) -> tuple[Header, list[Entry]]:
    """Return what a file holds; with `partial` also one that was cut off, up to where it is sound.

    Raises:
        BadRecording: another kind of file, damaged, cut off, of another version, or larger than any recording.
    """
    try:
        if not path.is_file():
            raise BadRecording(f"There is no file {path}.", remedy="Name a file that `neurond record` has written.")
        with path.open("rb") as file:
            data = file.read(RECORDING_BYTES_MAX + 1)
    except OSError as error:
        raise BadRecording(f"{path} cannot be read: {error.strerror or error}.") from error
    if len(data) > RECORDING_BYTES_MAX:
        raise BadRecording(f"{path} has more than {RECORDING_BYTES_MAX:,} bytes, as no recording has.")
    try:
        return parse_recording(data, partial=partial)
    except BadRecording as error:
        raise BadRecording(f"{path}: {error.message}", remedy=error.hint) from error


def parse_recording(data: bytes, *, partial: bool = False) -> tuple[Header, list[Entry]]:
    """Return header and entries of a file's bytes. Raises BadRecording as `read_recording`."""
    if not data.startswith(_MAGIC):
        raise BadRecording("This is no recording of a session.", remedy="Make one with `neurond record FILE`.")
    lines = _lines(data, partial=partial)
    header = _header(next(lines, b""))
    entries: list[Entry] = []
    last_t = 0
    for line in lines:
        try:
            entry = _ENTRY.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadRecording(f"Line {len(entries) + 2} is no entry: {error}.") from error
        if not last_t <= entry.t <= RECORDING_S_MAX * 1000:
            raise BadRecording(f"Line {len(entries) + 2} has an impossible time.")
        last_t = entry.t
        if entry.kind == "end":
            _check_end(entry, len(entries))
            if next(lines, None) is not None:
                raise BadRecording("Something follows the last line.")
            return header, entries
        if len(entries) >= RECORDING_LINES_MAX:
            raise BadRecording(f"It has more than {RECORDING_LINES_MAX:,} lines.")
        entries.append(entry)
    if not partial:
        raise _cut_off()
    return header, entries


def _header(line: bytes) -> Header:
    try:
        header = _HEADER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecording(
            "This is no recording of a session.", remedy="Make one with `neurond record FILE`."
        ) from error
    if header.neurond_recording != FORMAT:
        raise BadRecording(
            f"This recording has format {header.neurond_recording}, and this program reads {FORMAT}.",
            remedy=f"It was made by neurond {header.version[:20]}; use that version.",
        )
    return header


def _check_end(entry: Entry, count: int) -> None:
    try:
        end = _END.decode(entry.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecording("The last line is damaged.") from error
    if end.entries != count:
        raise BadRecording(f"It should have {end.entries:,} entries and has {count:,}.")


def _lines(data: bytes, *, partial: bool) -> Iterator[bytes]:
    """Yield the lines of the stream, never holding more than a chunk and a line of what is unpacked."""
    unpacking = zlib.decompressobj(_GZIP)
    held = bytearray()
    content = 0
    rest = data
    while True:
        try:
            piece = unpacking.decompress(rest, _CHUNK_BYTES)
        except zlib.error as error:
            raise BadRecording("The file is damaged: it does not unpack.") from error
        rest = unpacking.unconsumed_tail
        content += len(piece)
        if content > RECORDING_CONTENT_BYTES_MAX:
            raise BadRecording(f"It unpacks to more than {RECORDING_CONTENT_BYTES_MAX:,} bytes.")
        *ended, last = (held + piece).split(b"\n")
        if any(len(line) > RECORDING_LINE_BYTES_MAX for line in (*ended, last)):
            raise BadRecording(f"It has a line of more than {RECORDING_LINE_BYTES_MAX:,} bytes.")
        yield from (bytes(line) for line in ended if line)
        held = last
        if unpacking.eof:
            break
        if not rest and not piece:
            if not partial:
                raise _cut_off()
            return
    if held or unpacking.unused_data:
        raise BadRecording("The file is damaged: something follows its end.")


def _cut_off() -> BadRecording:
    return BadRecording("The recording was cut off.", remedy="Add --partial to see what there is.")
