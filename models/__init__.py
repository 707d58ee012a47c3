"""Models as the node uses them: obtain, convert, run, verify. A leaf: speaks paths, bytes, ids and arrays.

Never imports `node`, never touches the network except through the sources of the catalogue, never unpickles. What
needs the runtime is imported when it is first named: a node without a model does without its 30 MB.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from models.bundle import ModelCard, Tolerance
from models.catalogue import CATALOGUE, CatalogueEntry, find_entry
from models.ensure import ensure, is_ready
from models.errors import (
    BadModelFile,
    BadPrompt,
    BadSampling,
    BadTensor,
    Busy,
    Closed,
    HashMismatch,
    ModelError,
    ModelRefused,
    ModelUnavailable,
    NoMemory,
    PromptTooLong,
    RuntimeFailure,
    UnsupportedModel,
)
from models.fetch import stored_file
from models.sources import Progress

if TYPE_CHECKING:
    from models.batching import Answer, Batcher
    from models.providers import RuntimeReport, runtime_report
    from models.sampling import Sampling
    from models.text import TextModel, open_text
    from models.token import Token, Told
    from models.verify import FinishReason, Reason, Verification

_WITH_RUNTIME = {
    "Answer": "models.batching",
    "Batcher": "models.batching",
    "FinishReason": "models.verify",
    "Reason": "models.verify",
    "RuntimeReport": "models.providers",
    "Sampling": "models.sampling",
    "TextModel": "models.text",
    "Token": "models.token",
    "Told": "models.token",
    "Verification": "models.verify",
    "open_text": "models.text",
    "runtime_report": "models.providers",
}

__all__ = [
    "CATALOGUE",
    "Answer",
    "BadModelFile",
    "BadPrompt",
    "BadSampling",
    "BadTensor",
    "Batcher",
    "Busy",
    "CatalogueEntry",
    "Closed",
    "FinishReason",
    "HashMismatch",
    "ModelCard",
    "ModelError",
    "ModelRefused",
    "ModelUnavailable",
    "NoMemory",
    "Progress",
    "PromptTooLong",
    "Reason",
    "RuntimeFailure",
    "RuntimeReport",
    "Sampling",
    "TextModel",
    "Token",
    "Told",
    "Tolerance",
    "UnsupportedModel",
    "Verification",
    "ensure",
    "find_entry",
    "is_ready",
    "open_text",
    "runtime_report",
    "stored_file",
]


def __getattr__(name: str) -> object:
    """Import what needs the runtime or NumPy. Raises AttributeError."""
    module = _WITH_RUNTIME.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(module), name)
