"""Requests and replies of the common forms other than chats: completions, embeddings, images.

A subnet that serves one of these paths names no request type of its own in its route: gateways parse the public form
into these structs, and build the public reply from them. Nothing of this file is signed or travels between nodes.
"""

import msgspec

from node.market.chat import DEFAULT_MAX_TOKENS, DEFAULT_REPETITION_PENALTY, DEFAULT_TEMPERATURE, DEFAULT_TOP_P


class CompletionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A text to continue, without the frame of a chat. The replies are `ChatPart`s."""

    model: str
    prompt: str
    max_tokens: int = DEFAULT_MAX_TOKENS
    temperature: float = DEFAULT_TEMPERATURE
    top_p: float = DEFAULT_TOP_P
    repetition_penalty: float = DEFAULT_REPETITION_PENALTY
    stop: tuple[str, ...] = ()
    seed: int | None = None
    top_logprobs: int | None = None  # likeliest tokens told with each token; None tells no log-probabilities


class EmbeddingRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Texts to turn into vectors: either `texts`, or token ids of the model's own tokenizer, never both."""

    model: str
    texts: tuple[str, ...] = ()
    tokens: tuple[tuple[int, ...], ...] = ()
    dimensions: int | None = None  # cut each vector to so many and bring it back to length 1


class EmbeddingReply(msgspec.Struct, frozen=True, kw_only=True):
    """Vectors in the order of the inputs, each as little-endian float32; several replies are joined."""

    vectors: tuple[bytes, ...]
    prompt_tokens: int = 0  # of the whole request, in the last reply


class ImageRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One image to make; `seed` repeats it exactly at the same model."""

    model: str
    prompt: str
    width: int
    height: int
    seed: int | None = None


class ImageReply(msgspec.Struct, frozen=True, kw_only=True):
    """The whole image in the last reply; earlier ones may report steps."""

    image: bytes = b""
    media_type: str = "image/png"
    revised_prompt: str = ""
