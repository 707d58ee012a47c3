"""What a chute is: `chute.json`, its canonical form and its id. Data only; nothing here opens a model.

Canonical: JSON with sorted keys, no spaces, integers only, every field written out. The id is BLAKE2b over these bytes,
so that two parties who name an id mean the same graph, steps, bounds and tolerance.
"""

from collections import Counter
from typing import Annotated, Final, Literal

import msgspec

from node.primitives.address import from_ss58
from node.primitives.crypto import digest
from node.primitives.errors import AddressError
from node.primitives.types import HASH_BYTES, AccountId, Hash
from node.subnets.chutes.dims import Axis, Symbol, formula_fault, symbols_of
from node.subnets.chutes.errors import BadChute
from node.subnets.chutes.limits import (
    AXIS_MAX,
    CHUTE_BYTES_MAX,
    CHUTE_FILE_BYTES_MAX,
    CREATOR_SHARE_PERCENT_MAX,
    EPS_PPM_MAX,
    FILE_BYTES_MAX,
    FILES_MAX,
    FORMULA_CHARS_MAX,
    LABELS_MAX,
    NAME_CHARS_MAX,
    PORTS_MAX,
    PRICE_RAO_MAX,
    RANK_MAX,
    SEATS_RAM_MB_MAX,
    STEPS_MAX,
    SYMBOLS_MAX,
    TEXT_CHARS_MAX,
    WARM_SECONDS_MAX,
)
from node.subnets.chutes.steps import PostStep, PreStep, ReduceStep, Tokenise

FORMAT: Final = 1
Kind = Literal["text-generation", "embedding", "image-generation", "classification", "detection", "speech", "tensor"]
DType = Literal["float32", "float16", "int64", "int32", "int8", "uint8", "bool", "text"]
Role = Literal["model", "tokenizer", "card"]
Visibility = Literal["public", "unlisted"]

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_CHARS_MAX, pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
Port = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_CHARS_MAX)]
Text = Annotated[str, msgspec.Meta(max_length=TEXT_CHARS_MAX)]
Shape = Annotated[tuple[Axis, ...], msgspec.Meta(max_length=RANK_MAX)]
Sha = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]


class _Json(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of the parts of a bundle."""


class File(_Json, frozen=True, kw_only=True):
    """A file by its content; `size` in bytes is known before the first byte is fetched."""

    role: Role
    sha256: Sha
    size: Annotated[int, msgspec.Meta(ge=1, le=FILE_BYTES_MAX)]


class Place(_Json, frozen=True, kw_only=True):
    """Something with a name that is an array of a type and a shape."""

    name: Port
    dtype: DType
    shape: Shape


class Feed(Place, frozen=True, kw_only=True):
    """An input of the graph, as its own interface has it."""


class Constant(Place, frozen=True, kw_only=True):
    """An input of the graph that always holds the same number, `value` / `over`."""

    value: Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31)] = 0
    over: Annotated[int, msgspec.Meta(ge=1, le=2**31)] = 1


class Input(Place, frozen=True, kw_only=True):
    """What a caller sends: an array (or texts), the steps it goes through, and the feeds that come out of them."""

    to: Annotated[tuple[Port, ...], msgspec.Meta(min_length=1, max_length=3)]
    pre: Annotated[tuple[PreStep, ...], msgspec.Meta(max_length=STEPS_MAX)] = ()


class Output(Place, frozen=True, kw_only=True):
    """What a caller gets: an output of the graph after `reduce`, which is sent and judged; `post` shows it."""

    reduce: Annotated[tuple[ReduceStep, ...], msgspec.Meta(max_length=STEPS_MAX)] = ()
    post: Annotated[tuple[PostStep, ...], msgspec.Meta(max_length=STEPS_MAX)] = ()


class Needs(_Json, frozen=True, kw_only=True):
    """Memory of a process that runs it, beyond the program itself, in MB."""

    ram_mb: Annotated[int, msgspec.Meta(ge=1, le=SEATS_RAM_MB_MAX)]
    vram_mb: Annotated[int, msgspec.Meta(ge=0, le=SEATS_RAM_MB_MAX)] = 0


class Chute(_Json, frozen=True, kw_only=True):
    """A whole bundle. `price_rao` is for a million units, and one unit is a million multiply-accumulates."""

    format: Literal[1] = 1
    name: Name
    owner: str  # ss58 of the hotkey that deploys it
    version: Annotated[int, msgspec.Meta(ge=1, le=2**31)] = 1
    kind: Kind
    about: Text = ""
    licence: Text
    files: Annotated[tuple[File, ...], msgspec.Meta(min_length=1, max_length=FILES_MAX)]
    inputs: Annotated[tuple[Input, ...], msgspec.Meta(max_length=PORTS_MAX)] = ()
    feeds: Annotated[tuple[Feed, ...], msgspec.Meta(max_length=PORTS_MAX)] = ()
    constants: Annotated[tuple[Constant, ...], msgspec.Meta(max_length=PORTS_MAX)] = ()
    outputs: Annotated[tuple[Output, ...], msgspec.Meta(max_length=PORTS_MAX)] = ()
    limits: dict[Symbol, Annotated[int, msgspec.Meta(ge=1, le=AXIS_MAX)]] = {}  # the largest size of each symbol
    macs: Annotated[str, msgspec.Meta(min_length=1, max_length=FORMULA_CHARS_MAX)]
    eps_ppm: Annotated[int, msgspec.Meta(ge=0, le=EPS_PPM_MAX)] = 1000
    labels: Annotated[tuple[str, ...], msgspec.Meta(max_length=LABELS_MAX)] = ()
    needs: Needs
    price_rao: Annotated[int, msgspec.Meta(ge=0, le=PRICE_RAO_MAX)] = 0
    creator_share_percent: Annotated[int, msgspec.Meta(ge=0, le=CREATOR_SHARE_PERCENT_MAX)] = 0
    visibility: Visibility = "public"
    warm_seconds: Annotated[int, msgspec.Meta(ge=60, le=WARM_SECONDS_MAX)] = 300

    def file(self, role: Role) -> File | None:
        """The file of that role, if the bundle has one."""
        return next((each for each in self.files if each.role == role), None)

    @property
    def eps(self) -> float:
        """The tolerance of one number: |a - b| <= eps·(1 + |b|)."""
        return self.eps_ppm / 1_000_000

    @property
    def is_text(self) -> bool:
        """Whether a language model's runtime runs it, token by token."""
        return self.kind == "text-generation"


_encoder: Final = msgspec.json.Encoder(order="sorted")
_decoder: Final = msgspec.json.Decoder(Chute)


def canonical(chute: Chute) -> bytes:
    """The bytes that the id is made of."""
    return _encoder.encode(chute)


def chute_id(chute: Chute) -> Hash:
    """The identity of a chute."""
    return id_of(canonical(chute))


def id_of(raw: bytes) -> Hash:
    """The identity of the chute whose canonical bytes these are."""
    return digest("chute", raw)


def read_chute(raw: bytes) -> Chute:
    """The chute in a file that a person wrote, in any layout. Raises BadChute, which lists every failed rule."""
    if len(raw) > CHUTE_FILE_BYTES_MAX:
        raise BadChute((f"the file has {len(raw)} bytes; {CHUTE_FILE_BYTES_MAX} at most",))
    try:
        chute = _decoder.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise BadChute((f"chute.json: {error}",)) from error
    if failed := failed_rules(chute):
        raise BadChute(failed)
    return chute


def read_canonical(raw: bytes) -> Chute:
    """The chute in canonical bytes, as journals carry it. Raises BadChute."""
    chute = read_chute(raw)
    if canonical(chute) != raw:
        raise BadChute(("chute.json is not in canonical form",))
    return chute


def owner_of(chute: Chute) -> AccountId:
    """The account that may deploy, price and retire it."""
    return from_ss58(chute.owner)


def parse_id(text: str) -> Hash | None:
    """The id that 64 hex digits name, or None."""
    if len(text) != 2 * HASH_BYTES or not text.isascii():
        return None
    try:
        return Hash(bytes.fromhex(text))
    except ValueError:
        return None


# --- rules that types do not say -----------------------------------------------------------------------------------


def failed_rules(chute: Chute) -> tuple[str, ...]:
    """Every rule of the form that this bundle breaks; its files are not looked at."""
    failed = [*_whole(chute), *_names(chute), *_sizes(chute)]
    failed += _text_rules(chute) if chute.is_text else _graph_rules(chute)
    return tuple(failed)


def _whole(chute: Chute) -> list[str]:
    failed = []
    try:
        owner_of(chute)
    except AddressError as error:
        failed.append(f"owner: {error.message}")
    if len(canonical(chute)) > CHUTE_BYTES_MAX:
        failed.append(f"its canonical form has {len(canonical(chute))} bytes; {CHUTE_BYTES_MAX} at most")
    for text in (chute.about, chute.licence, *chute.labels):
        if len(text) > TEXT_CHARS_MAX or not text.isprintable():
            failed.append(f"{text[:20]!r} is too long or holds control characters")
    if not chute.licence.strip():
        failed.append("licence: say under which licence the model may be used")
    return failed


def _names(chute: Chute) -> list[str]:
    roles = Counter(each.role for each in chute.files)
    failed = [f"files: more than one file is the {role}" for role, count in roles.items() if count > 1]
    if "model" not in roles:
        failed.append("files: none has the role model")
    for what, names in (
        ("inputs", [each.name for each in chute.inputs]),
        ("outputs", [each.name for each in chute.outputs]),
        ("feeds", [each.name for each in (*chute.feeds, *chute.constants)]),
        ("inputs[].to", [name for each in chute.inputs for name in each.to]),
    ):
        failed += [f"{what}: {name!r} appears more than once" for name, count in Counter(names).items() if count > 1]
    return failed


def _sizes(chute: Chute) -> list[str]:
    ports: tuple[Place, ...] = (*chute.inputs, *chute.feeds, *chute.constants, *chute.outputs)
    symbols = {axis for port in ports for axis in port.shape if isinstance(axis, str)}
    if fault := formula_fault(chute.macs):
        return [f"macs: {fault}"]
    symbols |= symbols_of(chute.macs)
    failed = [f"limits: {name!r} has no largest size" for name in sorted(symbols - chute.limits.keys())]
    failed += [f"limits: {name!r} is used nowhere" for name in sorted(chute.limits.keys() - symbols)]
    if len(symbols) > SYMBOLS_MAX:
        failed.append(f"{len(symbols)} different symbols; {SYMBOLS_MAX} at most")
    if any(isinstance(axis, str) for each in chute.constants for axis in each.shape):
        failed += _free_constants(chute)
    return failed


def _free_constants(chute: Chute) -> list[str]:
    """A constant may be as long as a feed is, never of a size that nothing gives."""
    bound = {axis for feed in chute.feeds for axis in feed.shape if isinstance(axis, str)}
    loose = {axis for each in chute.constants for axis in each.shape if isinstance(axis, str)} - bound
    return [f"constants: no feed gives the size {name!r}" for name in sorted(loose)]


def _text_rules(chute: Chute) -> list[str]:
    failed = [
        f"files: a text-generation chute needs a {role}" for role in ("tokenizer", "card") if not _has(chute, role)
    ]
    if chute.inputs or chute.feeds or chute.constants or chute.outputs:
        failed.append("a text-generation chute takes chats: leave out inputs, feeds, constants and outputs")
    if chute.limits.keys() != {"tokens"}:
        failed.append("limits: a text-generation chute bounds its tokens, prompt and answer together, and nothing else")
    return failed


def _graph_rules(chute: Chute) -> list[str]:
    failed = [
        f"{what}: there must be at least one" for what in ("inputs", "feeds", "outputs") if not getattr(chute, what)
    ]
    fed, known = {name for each in chute.inputs for name in each.to}, {each.name for each in chute.feeds}
    failed += [f"inputs[].to: there is no feed {name!r}" for name in sorted(fed - known)]
    failed += [f"feeds: nothing fills {name!r}" for name in sorted(known - fed)]
    givers: tuple[Place, ...] = (*chute.inputs, *chute.feeds)
    measured = {axis for each in givers for axis in each.shape if isinstance(axis, str)}
    if not formula_fault(chute.macs):
        failed += [f"macs: no input gives the size {name!r}" for name in sorted(symbols_of(chute.macs) - measured)]
    for each in chute.inputs:
        tokenises = any(isinstance(step, Tokenise) for step in each.pre)
        if (each.dtype == "text") != tokenises:
            failed.append(f"inputs: {each.name!r} takes text exactly when it is tokenised")
        if tokenises and (len(each.pre) != 1 or not _has(chute, "tokenizer")):
            failed.append(f"inputs: {each.name!r} is tokenised: that is its only step, and files needs a tokenizer")
        if len(each.to) > 1 and not tokenises:
            failed.append(f"inputs: {each.name!r} fills more than one feed without being tokenised")
    numbers: tuple[Place, ...] = (*chute.feeds, *chute.constants, *chute.outputs)
    if any(each.dtype == "text" for each in numbers):
        failed.append("graphs take and give numbers: no feed, constant or output is text")
    return failed


def _has(chute: Chute, role: str) -> bool:
    return any(each.role == role for each in chute.files)
