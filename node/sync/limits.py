"""Bounds of syncing, each with its reason; those that the wire shares are in `node.primitives.limits`."""

from typing import Final

from node.primitives.limits import SYNC_RESPONSE_BYTES_MAX

REQUEST_BYTES_MAX: Final = 4096  # a tag and at most 64 paths; all other requests have under 128 bytes
BRANCH_BLOCKS_MAX: Final = 128  # as many unfinalised blocks as finalised ones in one answer
STATUS_TIMEOUT_MS: Final = 3_000  # a status is small: who does not answer by then is gone
BLOCKS_TIMEOUT_MS: Final = 10_000  # 4 MiB over a home line of 3.5 Mbit/s
COOL_DOWN_MS: Final = 2_000  # after the first failure of a peer; each further one in a row doubles it
COOL_DOWN_DOUBLINGS_MAX: Final = 2  # up to 8 s: silence may be our own line, and liars are banned below
FAILURES_MAX: Final = 5  # of one peer in a row, then it is dropped until it says its status anew
STATUSES_AT_ONCE_MAX: Final = 4  # when this node is behind and nobody is named, those asked longest ago
PEERS_MAX: Final = 256  # statuses kept; more peers than a desktop node ever has
BUFFERED_BLOCKS_MAX: Final = 1024  # blocks that wait for their certificate: a stalled suffix and its back-off
BUFFERED_BYTES_MAX: Final = 64 * 1024 * 1024  # and what they may weigh; of spans, with what is on its way
FED_STRETCHES_MAX: Final = 2  # one is executed, one waits: whoever downloads faster than it executes holds no more
POINTS_BAD_ANSWER: Final = 25  # an answer that is malformed, not asked for or does not link
POINTS_BAD_STATUS: Final = 10
RATE_WINDOW_MS: Final = 10_000  # progress is shown as an average of this long

# --- spans ----------------------------------------------------------------------------------------------------------
SPANS_BEHIND_BLOCKS_MIN: Final = 512  # nearer than this one peer's stretches are as quick
SPAN_BLOCKS_MAX: Final = 2048  # between two light steps; what one certificate may finalise in the engine
SPAN_PART_BLOCKS: Final = 64  # of one request: small enough to share an epoch among six peers
SPANS_OPEN_MAX: Final = 4  # one is executed, three are fetched meanwhile

# --- light clients --------------------------------------------------------------------------------------------------
STEPS_PER_REQUEST_MAX: Final = 256  # light steps; 0.7 MB at 21 authorities, thirty answers a year
HEADERS_PER_REQUEST_MAX: Final = 512  # 150 KB; more than an epoch of 360 slots
PROOF_PATHS_MAX: Final = 64  # rows asked for by path in one request

# --- snapshots ------------------------------------------------------------------------------------------------------
MANIFEST_BYTES_MAX: Final = 256 * 1024  # a header, a certificate, 256 roots with counts, and at most 256 single rows
CHUNK_BYTES_MAX: Final = SYNC_RESPONSE_BYTES_MAX - 1024  # one chunk in one answer, and room for what names it
CHUNK_PREFIX_BYTES_MAX: Final = 8  # 64 rows of the largest values that share 64 bits of a hash do not happen
SPLIT_ROWS_MIN: Final = 64  # so many of the largest rows may not fit one chunk; fewer always do
SNAPSHOT_ROWS_MAX: Final = 1 << 40  # what a manifest may claim of one chunk; keeps sums in 64 bits
