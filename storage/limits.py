"""Every bound of the store in one place, each with its reason.

The bounds of blocks and state mirror those of the chain with room above them: the store refuses what would damage the
database or memory, and leaves the rules of the chain to the chain.
"""

from typing import Final

# --- keys and numbers -----------------------------------------------------------------------------------------------
HASH_BYTES: Final = 32  # block hashes, transaction hashes, state paths, task ids, digests
INTEGER_MAX: Final = 2**63 - 1  # SQLite's integers are signed 64 bit

# --- chain ----------------------------------------------------------------------------------------------------------
HEADER_BYTES_MAX: Final = 128 * 1024  # twice the chain's own bound
BODY_BYTES_MAX: Final = 4 * 1024 * 1024  # four times the chain's own bound
CERTIFICATE_BYTES_MAX: Final = 256 * 1024  # three times the certificate of 1 000 authorities
STATE_VALUE_BYTES_MAX: Final = 256 * 1024  # four times the chain's own bound
EVENT_BYTES_MAX: Final = 64 * 1024  # an event names a few accounts and amounts; the largest is far below
META_NAME_CHARS_MAX: Final = 64  # names are chosen in the program
META_VALUE_BYTES_MAX: Final = 1024 * 1024  # small records about the chain, never bulk data
ROWS_PER_COMMIT_MAX: Final = 32_000_000  # one certificate may finalise 256 full blocks, some 20 rows a transaction
BLOCKS_PER_READ_MAX: Final = 1024  # one answer to a syncing peer asks for 128
READ_BYTES_MAX: Final = 64 * 1024 * 1024  # one read may not take the memory of the node
STEP_BYTES_MAX: Final = 512 * 1024  # a header, a certificate, and the set that follows with its proof
EVENT_SEARCH_HEIGHTS: Final = 20_000  # blocks one search for an account looks back: some MB of events
EVENTS_PER_SEARCH_MAX: Final = 1000  # a page of a person's history has 200
PREFIX_BYTES_MAX: Final = HASH_BYTES  # of a part of a snapshot
MANIFEST_BYTES_MAX: Final = 512 * 1024  # twice the chain's own bound
PRUNED_HEADERS_MAX: Final = 1024  # of one step of pruning: a commit waits for it some 10 ms
BACKUP_STEP_PAGES: Final = 2048  # 8 MiB: progress is told about every 50 ms
SNAPSHOT_FRAMES_MAX: Final = 1_000_000  # parts of one snapshot file; a state of a million rows has 256
SNAPSHOT_NAME_BYTES_MAX: Final = 64  # a letter and a prefix or a height
SNAPSHOT_FRAME_BYTES_MAX: Final = 8 * 1024 * 1024  # twice the chain's own bound of a part

# --- signing --------------------------------------------------------------------------------------------------------
LANE_CHARS_MAX: Final = 128  # a lane is a word and the hex of one key
POSITION_PARTS_MAX: Final = 8  # (height, round, step) and room
NOTE_BYTES_MAX: Final = 128 * 1024  # a lock proof of a thousand signatures has 66 KiB

# --- market journal -------------------------------------------------------------------------------------------------
TASKS_KEPT_MAX: Final = 50_000  # about 25 MB; what a person can look back at
VERDICTS_KEPT_MAX: Final = 50_000  # one a task
RECEIPTS_KEPT_MAX: Final = 50_000  # audits sample receipts of the last epochs
RECEIPT_BYTES_MAX: Final = 16 * 1024  # two signatures, two keys and sums need under 1 KB
SECRETS_KEPT_MAX: Final = 1024  # ten open commits in each of a hundred subnets
SECRET_BYTES_MAX: Final = 4 * 1024  # weights for 256 seats and a salt need under 2 KB
SEAT_ROWS_PER_NOTE_MAX: Final = 8192  # seats that one block may change; a subnet has 256, some more while it is trimmed
RECORD_EPOCHS_KEPT_MAX: Final = 8  # a day of a public network: who audits, audits what counted lately
RECORD_LINES_MAX: Final = 16_384  # of one epoch; the market's own bound is the same
RECORD_LINE_BYTES_MAX: Final = 256 * 1024  # all seats of a subnet with their addresses
RECORD_BOOK_BYTES_MAX: Final = 32 * 1024 * 1024  # 256 miners with 200 verdicts each take 8 MiB
RECORD_ANSWER_BYTES_MAX: Final = 640 * 1024  # a challenge's task and its longest answer
RECORD_ANSWERS_KEPT_MAX: Final = 1024  # two epochs of challenges; most answers take 2 KiB
SEED_CHAINS_KEPT_MAX: Final = 4  # the one in use, the next one, and two that records may still name
PREVIEW_CHARS_MAX: Final = 280  # two lines of a table on a wide screen
WORD_CHARS_MAX: Final = 64  # kind and status are single words
REASON_CHARS_MAX: Final = 280  # a code and one sentence
ROWS_PER_READ_MAX: Final = 1000  # one page of a table

# --- gateway --------------------------------------------------------------------------------------------------------
KEYS_MAX: Final = 1024  # one a program; beyond it the oldest revoked ones go
KEY_NAME_CHARS_MAX: Final = 64  # shown in a table
USAGE_DAYS_KEPT: Final = 400  # a year to look back at, and a month
USAGE_MODELS_PER_DAY_MAX: Final = 64  # of one key; names come from requests that were served
REPLIES_KEPT_MAX: Final = 1024  # answers to be given again
REPLY_BYTES_MAX: Final = 1024 * 1024  # a long chat has 50 KiB, an image a few hundred
REPLIES_BYTES_MAX: Final = 64 * 1024 * 1024  # all of them

# --- payments -------------------------------------------------------------------------------------------------------
DUES_KEPT_MAX: Final = 4096  # accounts that a node owes a part of its earnings: 16 chutes of each of 256 seats
CHANNELS_KEPT_MAX: Final = 8192  # eight times the channels a payer may have open; about 2 MB
DAYS_KEPT_MAX: Final = 400  # a year to look back at

# --- journals of subnets --------------------------------------------------------------------------------------------
JOURNAL_ENTRY_BYTES_MAX: Final = 32 * 1024  # twice the market's own bound
JOURNAL_ENTRIES_PER_READ_MAX: Final = 2048  # two pages of one author, twice
JOURNALS_FILE_BYTES_MAX: Final = 4 * 1024 * 1024 * 1024  # twenty subnets with 256 authors at their bound
FORKS_KEPT_MAX: Final = 4096  # proofs of half a kilobyte; a hotkey that forked is of no more use

# --- prices ---------------------------------------------------------------------------------------------------------
BARS_PER_COMMIT_MAX: Final = 65_536  # a hundred blocks of a chain with all its subnets at all lengths
BARS_PER_READ_MAX: Final = 2048  # a chart four screens wide
PRICES_FILE_BYTES_MAX: Final = 512 * 1024 * 1024  # eight times a year of 128 subnets

# --- database -------------------------------------------------------------------------------------------------------
READERS_MAX: Final = 8  # each holds a page cache; more threads wait for one
BUSY_TIMEOUT_MS: Final = 5_000  # another program that looks at the file may hold it this long
READER_WAIT_S: Final = 30.0  # a reader that is never given back is a defect; say so instead of hanging for ever
WRITER_CACHE_KIB: Final = 32 * 1024  # holds the inner pages of a state of a million rows
READER_CACHE_KIB: Final = 8 * 1024
WAL_PAGES_PER_CHECKPOINT: Final = 8192  # 32 MiB: pages that many blocks change are copied back once; read in 50 ms
WAL_BYTES_KEPT_MAX: Final = 64 * 1024 * 1024  # after a long reader the log is cut back to this
QUICK_CHECK_STEP_OPCODES: Final = 100_000  # the clock is looked at about every millisecond
INTEGRITY_FINDINGS_MAX: Final = 5  # the first few findings tell enough
DISK_FREE_BYTES_MIN: Final = 1024 * 1024  # an I/O error with less free space than this is called a full disk
LOCK_FILE_BYTES_MAX: Final = 32  # a process id and a newline
MACHINE_ID_BYTES_MAX: Final = 256  # the operating system's file holds 33
