"""Expected failures of the model layer, each with a stable code and a message that says what to do.

ModelError                  model
├── BadModelFile            model.bad_file        bytes of a model file break its format or our bounds
├── UnsupportedModel        model.unsupported     a sound file of a kind this build cannot run
├── ModelRefused            model.refused         an imported file breaks rules; carries each broken one
├── BadTensor               model.bad_tensor      arrays that do not fit the inputs of a graph
├── NoMemory                model.no_memory       the models in use leave no room for another
├── HashMismatch            model.hash            content is not what its pinned SHA-256 says
├── ModelUnavailable        model.unavailable     every source failed; carries each reason
├── BadPrompt               model.bad_prompt      messages or token ids that no model may see
├── PromptTooLong           model.too_long        prompt and answer do not fit the context
├── BadSampling             model.bad_sampling    a sampling parameter is out of range
├── RuntimeFailure          model.runtime         onnxruntime refused to load or to run
├── Busy                    model.busy            the queue is full; try again later
└── Closed                  model.closed          the batcher was closed
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from models.report import Failure


class ModelError(Exception):
    """Root of every expected failure of this package; `code` is stable across versions.

    A message says what to do about its case, `remedy` what to do in general.
    """

    code: ClassVar[str] = "model"
    remedy: ClassVar[str] = ""


class BadModelFile(ModelError):
    """A model file, manifest or tokenizer breaks its format or a bound."""

    code: ClassVar[str] = "model.bad_file"
    remedy: ClassVar[str] = "Fetch the model again with `neurond models pull`."


class UnsupportedModel(ModelError):
    """The file is sound, but of an architecture or a tensor type that is not implemented."""

    code: ClassVar[str] = "model.unsupported"
    remedy: ClassVar[str] = "Choose a model that `neurond models list` shows."


class ModelRefused(ModelError):
    """The file breaks rules of import; `failures` holds every broken one."""

    code: ClassVar[str] = "model.refused"
    remedy: ClassVar[str] = "Change the model as each line says, then import it again."

    def __init__(self, message: str, failures: tuple[Failure, ...] = ()) -> None:
        super().__init__(message + "".join(f"\n  - {each.rule}: {each.message}" for each in failures))
        self.failures = failures


class BadTensor(ModelError):
    """The arrays do not fit the inputs of the model: names, types, shapes, values or size."""

    code: ClassVar[str] = "model.bad_tensor"
    remedy: ClassVar[str] = "Send what `neurond models show NAME` lists as inputs."


class NoMemory(ModelError):
    """The memory for models is taken by models in use, or the model is larger than all of it."""

    code: ClassVar[str] = "model.no_memory"
    remedy: ClassVar[str] = "Try again later, close other programs, or choose a smaller model."


class HashMismatch(ModelError):
    """The content differs from its pinned SHA-256."""

    code: ClassVar[str] = "model.hash"
    remedy: ClassVar[str] = "Fetch the model again with `neurond models pull`."


class ModelUnavailable(ModelError):
    """No source could supply the file; `reasons` holds one line for each source tried, in order."""

    code: ClassVar[str] = "model.unavailable"
    remedy: ClassVar[str] = "Check the connection and the free space, then try `neurond models pull` again."

    def __init__(self, message: str, reasons: tuple[str, ...] = ()) -> None:
        super().__init__(message if not reasons else message + "".join(f"\n  - {r}" for r in reasons))
        self.reasons = reasons


class BadPrompt(ModelError):
    """The messages or token ids cannot be given to the model."""

    code: ClassVar[str] = "model.bad_prompt"
    remedy: ClassVar[str] = "Change the messages as the message says."


class PromptTooLong(ModelError):
    """Prompt plus the requested answer exceed the context of the model."""

    code: ClassVar[str] = "model.too_long"
    remedy: ClassVar[str] = "Shorten the chat, or lower max_tokens."


class BadSampling(ModelError):
    """A sampling parameter is out of its documented range."""

    code: ClassVar[str] = "model.bad_sampling"
    remedy: ClassVar[str] = "Choose a value within the range that the message names."


class RuntimeFailure(ModelError):
    """The inference runtime could not load or run the model."""

    code: ClassVar[str] = "model.runtime"
    remedy: ClassVar[str] = "Check the files with `neurond models verify`; `neurond doctor` looks at the rest."


class Busy(ModelError):
    """The batcher's queue is full."""

    code: ClassVar[str] = "model.busy"
    remedy: ClassVar[str] = "Try again later, or ask another miner."


class Closed(ModelError):
    """The batcher was closed while, or before, the request ran."""

    code: ClassVar[str] = "model.closed"
    remedy: ClassVar[str] = "Ask again when the model is loaded."
