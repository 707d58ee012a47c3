"""Bounds of the HTTP gateway, each with its reason; sizes shared with other packages are in node.primitives.limits."""

from typing import Final

# --- requests -------------------------------------------------------------------------------------------------------
STOP_STRINGS_MAX: Final = 4  # as in the form we follow
STOP_CHARS_MAX: Final = 64
MODEL_CHARS_MAX: Final = 128
TEMPLATE_CHARS_MAX: Final = 64  # names have some twenty
MAX_TOKENS_MAX: Final = 4096  # no model of the catalogue has a longer context
CHOICES_MAX: Final = 4  # answers to one chat: each is a call of its own
TOP_LOGPROBS_MAX: Final = 20  # as in the form we follow
COMPLETION_LOGPROBS_MAX: Final = 5  # as in the form we follow
SCHEMA_BYTES_MAX: Final = 16 * 1024  # of an answer's JSON schema; it travels with every task
TOOLS_MAX: Final = 64  # functions of one chat; a model of this size mistakes a handful
TOOLS_BYTES_MAX: Final = 16 * 1024  # of all of them: they travel with every task
TOOL_TEXT_CHARS_MAX: Final = 8192  # a description, or the arguments of an earlier call
TOOL_CALLS_MAX: Final = 16  # of one answer
PROMPTS_MAX: Final = 4  # of one completion: each is a call of its own
EMBEDDING_INPUTS_MAX: Final = 2048  # as in the form we follow
EMBEDDING_TOKENS_MAX: Final = 8192  # of one input, as in the form we follow
EMBEDDING_CHARS_MAX: Final = 65_536  # of one input; more than so many tokens have
EMBEDDING_DIMENSIONS_MAX: Final = 8192  # twice what any model of the field has
IMAGES_MAX: Final = 4  # of one request: each is a call of its own
IMAGE_PROMPT_CHARS_MAX: Final = 4000
IMAGE_SIDE_MAX: Final = 2048  # pixels
REQUEST_ID_CHARS_MAX: Final = 64
IDEMPOTENCY_KEY_CHARS_MAX: Final = 128
SMALL_BODY_BYTES: Final = 64 * 1024  # parsed on the loop in under a millisecond; larger ones in a worker thread

# --- the server -----------------------------------------------------------------------------------------------------
BODY_TIMEOUT_S: Final = 30.0  # a body that dribbles in longer than this holds a connection for nothing
HEADERS_BYTES_MAX: Final = 16 * 1024  # of one request; a key and an id take 200
IDLE_S: Final = 20.0  # a connection without a request, or whose request does not begin, is closed
BODIES_BYTES_MAX: Final = 64 * 1024 * 1024  # of all requests being read or answered: eight of the largest
ANSWERS_AT_ONCE_MAX: Final = 64  # beyond it the user is told to come back rather than queued
QUEUED_PIECES_MAX: Final = 16  # of several answers to one request that are sent as one stream
METRIC_SAMPLES_MAX: Final = 256  # of one metric; ours have a few dozen
WAITING_TOLD_S: Final = (
    3.0  # a stream without its first piece so long gets a comment, and again: nobody waits in silence
)
UNREAD_S: Final = 30.0  # a client that reads nothing for so long has gone; it holds a place, and its miner
SENT_AT_ONCE_BYTES: Final = 16 * 1024  # a slow client that reads so much in UNREAD_S keeps its connection
GRACE_S: Final = 3.0  # what running answers get when the node stops

# --- keys -----------------------------------------------------------------------------------------------------------
KEY_BYTES: Final = 32  # of randomness in an API key: nobody guesses 256 bits
PER_MINUTE_DEFAULT: Final = 600  # requests under a new key; ten a second
PER_DAY_DEFAULT: Final = 0  # requests under a new key; 0 is no limit
LIMIT_MAX: Final = 2**53  # JSON numbers are exact up to it
CALL_SHARE: Final = 8  # one call may reserve at most this part of what a key may still spend today
USAGE_FLUSH_S: Final = 1.0  # use is written that often: so much of it is lost when the process is killed
USAGE_DAYS_SHOWN_MAX: Final = 400
REPLY_KEPT_S: Final = 24 * 3600  # answers under an Idempotency-Key
WINDOWS_MAX: Final = 2048  # twice the keys there can be
