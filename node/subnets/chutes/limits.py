"""Bounds of the subnet Chutes, each with its reason. Units last in the names."""

from typing import Final

# --- bundles --------------------------------------------------------------------------------------------------------
CHUTE_BYTES_MAX: Final = 8 * 1024  # of chute.json; with its head it fits one journal entry, labels included
CHUTE_FILE_BYTES_MAX: Final = 64 * 1024  # of chute.json as a person writes it, with indentation
NAME_CHARS_MAX: Final = 64  # one cell of a table
TEXT_CHARS_MAX: Final = 280  # a description: one or two sentences
FILES_MAX: Final = 8  # files of one bundle: a graph, a tokenizer, a card, and room
FILE_BYTES_MAX: Final = 4 * 1024**3  # larger graphs need external data, which imports refuse
PORTS_MAX: Final = 16  # inputs, outputs, feeds or constants of one graph
RANK_MAX: Final = 6  # axes of an array; batch, time, channels and two of space leave one spare
AXIS_MAX: Final = 1 << 24  # elements along one axis: a minute of sound, or a picture's pixels
SYMBOLS_MAX: Final = 16  # different symbolic sizes of one bundle
STEPS_MAX: Final = 12  # before or after a graph; real pipelines have three to five
FORMULA_CHARS_MAX: Final = 512  # of the cost: some terms with long numbers
LABELS_MAX: Final = 1024  # names of classes; they must fit chute.json anyway
SEATS_RAM_MB_MAX: Final = 1 << 20  # a terabyte
WARM_SECONDS_MAX: Final = 7 * 24 * 3600  # a week, as in the original
CREATOR_SHARE_PERCENT_MAX: Final = 30  # what a creator may ask of a miner's income from the chute
PRICE_RAO_MAX: Final = 10**15  # for a million units: a million τ, beyond any price
EPS_PPM_MAX: Final = 100_000  # a tenth: what differs more is another model

# --- arrays ---------------------------------------------------------------------------------------------------------
ARRAY_BYTES_MAX: Final = 64 * 1024**2  # one array in memory: a picture of 4096 x 4096 in colour, or a long sound
INLINE_BYTES_MAX: Final = 48 * 1024  # data inside a task, which has 64 KiB with its head; more travels as a blob
PART_BYTES_MAX: Final = 32 * 1024  # data inside one part, which has 64 KiB at most
ANSWER_INLINE_BYTES_MAX: Final = 384 * 1024  # of a whole answer, whose bound is 512 KiB; more travels as a blob
TEXTS_MAX: Final = 256  # texts of one request: a batch nobody waits long for
TEXT_INPUT_CHARS_MAX: Final = 32_768  # as in a chat
PICTURE_SIDE_MAX: Final = 4096  # of a PNG that is made or read

# --- journal --------------------------------------------------------------------------------------------------------
CHUTES_PER_OWNER_MAX: Final = 16  # live ones; with 256 seats the catalogue stays under 32 MiB
TOMBSTONES_PER_OWNER_MAX: Final = 64  # retired ones still known as such
WARM_PER_MINER_MAX: Final = 64  # instances one node can claim
WARM_BLOCKS_MAX: Final = 7200  # a claim of being warm holds a day, then it must be repeated
DEMAND_PER_AUTHOR_MAX: Final = 64  # chutes whose demand one validator tells
ENTRY_BYTES_MAX: Final = 12 * 1024  # the largest is a deploy

# --- rounds ---------------------------------------------------------------------------------------------------------
POSSESSION_EVERY: Final = 5  # one draw of so many asks for ranges of a file
RANGES: Final = 3  # of such a question
RANGE_BYTES: Final = 4096  # of each: a page
NOISE_BYTES_MAX: Final = 16 * 1024**2  # made from a seed on either side; takes 50 ms
CHALLENGE_PIXELS_MAX: Final = 48 * 48  # of a drawn picture: 7 KB of a task
CHALLENGE_AXIS: Final = 4  # a drawn size of a symbolic axis, at most

# --- weights --------------------------------------------------------------------------------------------------------
WINDOW_BLOCKS: Final = 50_400  # seven days of 12 s
DAY_BLOCKS: Final = 7200
HOUR_BLOCKS: Final = 300
CONSUMER_SHARE_MAX: Final = 0.20  # of all invocations that any one consumer counts for
PASS_RATE_MIN: Final = 0.80  # of a miner's audits of one chute; below it that chute counts nothing
DAY_PASS_RATE_MIN: Final = 0.95  # of all audits of a day; below it the miner counts nothing ...
PASSES_TO_RETURN: Final = 50  # ... until it passed so many in a row
BOUNTY_MAX: Final = 86_400.0  # points; a day of waiting

# --- a miner's own housekeeping -------------------------------------------------------------------------------------
CHUTES_PARSED_MAX: Final = 512  # definitions kept ready; parsing one takes 50 µs
STATS_KEPT_MAX: Final = 4096  # calls this node remembers for statistics
FETCH_BYTES_MAX: Final = 256 * 1024**2  # of one file fetched from other nodes; it passes through memory
FILES_BYTES_MAX: Final = 8 * 1024**3  # of all fetched files on a node's disk; those unused for longest go first
TOKENIZERS_KEPT: Final = 8  # some MB each
CHUTES_LISTED_MAX: Final = 500  # of one answer to a user
BLOB_UPLOAD_BYTES_MAX: Final = 6 * 1024**2  # in base64 it fits the body of one HTTP request
