"""Text to token ids and back: the tokenizer of a bundle, the chat form, and text that grows token by token.

Content of a message can never produce a special token: it is encoded by a tokenizer that treats their names as letters.
A message that contains a control marker is refused all the same, since nobody writes one by accident.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from models.errors import BadModelFile, BadPrompt, UnsupportedModel
from models.gguf import GgufFile
from models.limits import MAX_CONTENT_CHARS, MAX_MESSAGES, MAX_VOCABULARY

TURN_START: Final = "<|im_start|>"
TURN_END: Final = "<|im_end|>"
ROLES: Final = ("system", "user", "assistant")
PLAIN_ROLE: Final = "text"  # of a single message that is continued as it stands, without the frame of a chat
_SPECIAL_TOKEN: Final = 3  # GGUF token type "control"
_DIGITS_THEN_BYTES: Final = "smollm"  # the one pre-tokenisation that is implemented


def tokenizer_from_gguf(file: GgufFile) -> str:
    """The `tokenizer.json` text of a GGUF file. Raises UnsupportedModel for other kinds, BadModelFile if broken."""
    if file.text("tokenizer.ggml.model") != "gpt2" or file.text("tokenizer.ggml.pre") != _DIGITS_THEN_BYTES:
        raise UnsupportedModel(
            f"tokenizer {file.text('tokenizer.ggml.model')!r:.40}/{file.text('tokenizer.ggml.pre')!r:.40} is not "
            f"implemented; supported: 'gpt2'/'{_DIGITS_THEN_BYTES}'"
        )
    names = file.texts("tokenizer.ggml.tokens")
    kinds = file.integers("tokenizer.ggml.token_type")
    merges = [_merge(line) for line in file.texts("tokenizer.ggml.merges")]
    vocabulary = {name: i for i, name in enumerate(names)}
    if len(vocabulary) != len(names) or len(kinds) != len(names) or not 1 <= len(names) <= MAX_VOCABULARY:
        raise BadModelFile("tokenizer tables differ in length or repeat a token")
    for left, right in merges:
        if not {left, right, left + right} <= vocabulary.keys():
            raise BadModelFile(f"tokenizer merge {left + right!r:.80} uses tokens that are not in the vocabulary")
    built = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    built.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    built.decoder = decoders.ByteLevel()
    special = [name for name, kind in zip(names, kinds, strict=True) if kind == _SPECIAL_TOKEN]
    built.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in special])
    text: str = built.to_str()
    return text


def _merge(line: str) -> tuple[str, str]:
    left, _, right = line.partition(" ")
    return left, right


class TextCodec:
    """Encodes chats and decodes answers for one model. Immutable after construction: safe from any thread."""

    def __init__(self, tokenizer_json: bytes, vocabulary: int, default_system: str) -> None:
        try:
            self._tokenizer = Tokenizer.from_str(tokenizer_json.decode("utf-8"))
        except Exception as error:  # the tokenizer library raises bare Exception
            raise BadModelFile(f"tokenizer.json cannot be read: {error!s:.200}") from error
        if not 1 <= self._tokenizer.get_vocab_size(with_added_tokens=True) <= vocabulary:
            raise BadModelFile("tokenizer.json has more tokens than the model")
        # Encode specials as ordinary text unless this module itself places them.
        self._tokenizer.encode_special_tokens = True
        self._special = {
            str(token.content): int(i)
            for i, token in self._tokenizer.get_added_tokens_decoder().items()
            if token.special
        }
        missing = [marker for marker in (TURN_START, TURN_END) if marker not in self._special]
        if missing:
            raise UnsupportedModel(f"the tokenizer has no {' and no '.join(missing)}: only chat models are supported")
        # Other special names, such as <filename>, are ordinary words in a question and become ordinary letters.
        self._control = [name for name in self._special if name.startswith("<|")]
        self._default_system = default_system

    @property
    def special(self) -> dict[str, int]:
        """Ids of the special tokens by name."""
        return dict(self._special)

    def encode(self, text: str) -> list[int]:
        """Ids of plain text, never a special one. Raises BadPrompt when it is too long."""
        if len(text) > MAX_CONTENT_CHARS:
            raise BadPrompt(f"a text of {len(text)} characters exceeds {MAX_CONTENT_CHARS}; shorten it")
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise BadPrompt("the text holds half a surrogate pair, which is no character")
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of ids; incomplete characters at either end become U+FFFD."""
        text: str = self._tokenizer.decode(list(tokens), skip_special_tokens=True)
        return text

    def token_bytes(self) -> list[bytes]:
        """The bytes that each id writes; empty for special tokens and ids that are no text."""
        size = self._tokenizer.get_vocab_size(with_added_tokens=True)
        special = set(self._special.values())
        names = [self._tokenizer.id_to_token(token) or "" for token in range(size)]
        return [b"" if token in special else _written(name) for token, name in enumerate(names)]

    def chat(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        """Ids of a chat up to the place where the assistant speaks, or of one plain text. Raises BadPrompt."""
        if [role for role, _ in messages] == [PLAIN_ROLE]:
            self._check_content(messages[0][1])
            return self.encode(messages[0][1])
        if not 1 <= len(messages) <= MAX_MESSAGES:
            raise BadPrompt(f"a chat has 1 to {MAX_MESSAGES} messages, found {len(messages)}")
        if messages[0][0] != "system" and self._default_system:
            messages = [("system", self._default_system), *messages]
        ids: list[int] = []
        for role, content in messages:
            if role not in ROLES:
                raise BadPrompt(f"unknown role {role!r:.40}; use one of {', '.join(ROLES)}")
            self._check_content(content)
            ids += self._turn(role, content)
        return [*ids, self._special[TURN_START], *self.encode("assistant\n")]

    def opening(self) -> list[int]:
        """The ids that every chat without a system message of its own begins with; none without such a message."""
        if not self._default_system:
            return []
        return [*self._turn("system", self._default_system), self._special[TURN_START]]

    def _turn(self, role: str, content: str) -> list[int]:
        ids = [self._special[TURN_START], *self.encode(f"{role}\n{content}")]
        return [*ids, self._special[TURN_END], *self.encode("\n")]

    def _check_content(self, content: str) -> None:
        found = next((name for name in self._control if name in content), None)
        if found is not None:
            raise BadPrompt(f"a message contains the control marker {found}; remove it")


class TextStream:
    """Text of one growing answer, handed out only in complete characters and never past a stop string."""

    def __init__(self, codec: TextCodec, stop: tuple[str, ...]) -> None:
        self._codec = codec
        self._stop = stop
        self._ids: list[int] = []
        self._settled = 0  # ids before this index decode to text that later ids cannot change
        self._pending = ""  # decoded, but possibly the beginning of a stop string

    def push(self, token: int) -> tuple[str, bool]:
        """Add an id. Returns the text that is now certain, and whether a stop string was completed."""
        self._ids.append(token)
        text = self._codec.decode(self._ids[self._settled :])
        if text.endswith("\ufffd") and len(self._ids) - self._settled < _LONGEST_CHARACTER_TOKENS:
            return "", False
        self._pending += text
        self._settled = len(self._ids)
        ends = [(self._pending.find(s), s) for s in self._stop if s in self._pending]
        if ends:
            out, self._pending = self._pending[: min(ends)[0]], ""
            return out, True
        held = max((_overlap(self._pending, s) for s in self._stop), default=0)
        out = self._pending[: len(self._pending) - held]
        self._pending = self._pending[len(out) :]
        return out, False

    def flush(self) -> str:
        """Whatever is left when the answer ends."""
        rest = self._pending + self._codec.decode(self._ids[self._settled :])
        self._pending, self._settled = "", len(self._ids)
        return rest


def _letter_bytes() -> dict[str, int]:
    """The byte that each letter of a byte-level vocabulary stands for."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {chr(byte): byte for byte in shown}
    hidden = [byte for byte in range(256) if byte not in shown]
    return letters | {chr(256 + number): byte for number, byte in enumerate(hidden)}


_BYTES: Final = _letter_bytes()


def _written(name: str) -> bytes:
    """The bytes of a token's name; none when a letter of it stands for no byte."""
    return bytes(_BYTES[letter] for letter in name) if all(letter in _BYTES for letter in name) else b""


_LONGEST_CHARACTER_TOKENS: Final = 4  # a UTF-8 character has at most 4 bytes, a token at least 1


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop`."""
    return next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:n])), 0)
