"""Models as the node uses them: obtain, convert, run, verify. A leaf: speaks paths, bytes, ids and arrays.

Never imports `node`, never touches the network except through the sources of the catalogue, never unpickles.
"""

from models.answer import Token
from models.batching import Answer, Batcher
from models.bundle import ModelCard, Tolerance
from models.catalogue import CATALOGUE, CatalogueEntry, find_entry
from models.ensure import ensure, is_ready
from models.errors import (
    BadModelFile,
    BadPrompt,
    BadSampling,
    Busy,
    Closed,
    HashMismatch,
    ModelError,
    ModelUnavailable,
    PromptTooLong,
    RuntimeFailure,
    UnsupportedModel,
)
from models.fetch import stored_file
from models.providers import RuntimeReport, runtime_report
from models.sampling import Sampling
from models.sources import Progress
from models.text import TextModel, open_text
from models.verify import FinishReason, Reason, Verification

__all__ = [
    "CATALOGUE",
    "Answer",
    "BadModelFile",
    "BadPrompt",
    "BadSampling",
    "Batcher",
    "Busy",
    "CatalogueEntry",
    "Closed",
    "FinishReason",
    "HashMismatch",
    "ModelCard",
    "ModelError",
    "ModelUnavailable",
    "Progress",
    "PromptTooLong",
    "Reason",
    "RuntimeFailure",
    "RuntimeReport",
    "Sampling",
    "TextModel",
    "Token",
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
