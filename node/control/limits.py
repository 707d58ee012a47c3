"""Every bound of the control socket and its clients, each with its reason."""

from typing import Final

from node.primitives.limits import CHAT_MESSAGES_MAX, CONTROL_LINE_BYTES_MAX

LINE_BYTES_MAX: Final = CONTROL_LINE_BYTES_MAX
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024  # the largest answer, a metagraph of 256 seats, has about 150 KiB

CLIENTS_MAX: Final = 32  # a UI, a few commands and scripts; more is a runaway loop
REQUESTS_PER_CLIENT_MAX: Final = 16  # unanswered at once; further ones are refused
CALLS_AT_ONCE: Final = 8  # of a client of ours, further ones wait their turn; the rest is for its streams
OUTGOING_QUEUE_MAX: Final = 64  # answers held for a client that does not read
SEND_TIMEOUT_S: Final = 10.0  # a client that takes nothing for so long is cut off
PARTS_HELD_MAX: Final = 10_000  # parts a client program has not picked up yet; more than any answer has
HEARTBEAT_S: Final = 2.0
DELIVERY_INTERVAL_S: Final = 0.1  # changes within it travel together; a screen paints four times a second
STALE_AFTER_S: Final = 5.0  # two heartbeats missed and a bit: what a screen shows is old
SILENT_FOR_S: Final = 20.0  # a subscribed client gives a silent connection up and dials anew
RECENT_TASKS_MAX: Final = 200
RECENT_JOBS_MAX: Final = 50

NAME_CHARS_MAX: Final = 64
TARGET_CHARS_MAX: Final = 4096  # an invite with a few addresses has about 600 characters
INVITE_DEFAULT_S: Final = 7 * 86_400
INVITE_MIN_S: Final = 60  # shorter, and nobody could use it
INVITE_MAX_S: Final = 365 * 86_400  # addresses do not hold for longer
INVITE_ADDRESSES_MAX: Final = 8  # a node with more can be reached by the first ones
BAN_DEFAULT_S: Final = 3600.0
BAN_MAX_S: Final = 10 * 365 * 86_400.0  # "for good": longer than any network of ours has lived
REASON_CHARS_MAX: Final = 120  # shown in one line
TASKS_PER_PAGE_MAX: Final = 200
LOG_LINES_PER_PAGE_MAX: Final = 1000
JOURNAL_ENTRIES_PER_PAGE_MAX: Final = 50  # with what is shown of their bodies about 800 KB of one line
JOURNAL_BODY_SHOWN_BYTES: Final = 4096  # of an entry's body: a screenful
OFFER_PRICES_MAX: Final = 32  # what one offer holds
ROLE_NETUIDS_MAX: Final = 8  # subnets that one node works in; each is a service with its models
TRANSACTIONS_PER_ROLE_MAX: Final = 2 * ROLE_NETUIDS_MAX  # a role switch registers and stakes in each at most
ASK_MESSAGES_MAX: Final = CHAT_MESSAGES_MAX
ASK_TOKENS_MAX: Final = 8192  # no model of the catalogue has a longer context

CONNECT_TIMEOUT_S: Final = 2.0  # a local daemon that does not answer hello by then hangs
CALL_TIMEOUT_S: Final = 20.0  # an ordinary question; the daemon answers in milliseconds even when busy
DOCTOR_TIMEOUT_S: Final = 40.0  # it asks peers, reads the database, tries the GPU
ASK_TIMEOUT_S: Final = 120.0  # for each part of an answer; the first may wait for a cold model
RECONNECT_FIRST_S: Final = 0.2
RECONNECT_MAX_S: Final = 5.0
START_TIMEOUT_S: Final = 60.0  # opening a large database on a slow disk
STOP_TIMEOUT_S: Final = 100.0  # draining takes up to 90 s

SOCKET_PATH_BYTES_MAX: Final = 100  # the kernel's limit is 104 (macOS) or 108 (Linux) with the final zero
POINTER_BYTES_MAX: Final = 4096
DEVNET_HOMES_MAX: Final = 64  # nodes of one local network that are looked at
LOG_TAIL_BYTES: Final = 16 * 1024  # enough to find the last sentence of a daemon that died
LAUNCH_POLL_S: Final = 0.1  # how often a starting or stopping process is looked at
COMMAND_OUTPUT_BYTES_MAX: Final = 1024 * 1024  # the status of a devnet has a few KiB
FOLLOW_PAUSE_MIN_S: Final = 0.2  # how often a client asks for the state of its transaction
FOLLOW_PAUSE_MAX_S: Final = 2.0
PRICE_IMPACT_WARNING_PPM: Final = 10_000  # from 1 % on people are warned

SETUP_BYTES_MAX: Final = 16 * 1024  # a dozen short answers, one of them an invite
DISK_MB_MAX: Final = 10**9  # a petabyte: more is a slip of the finger
SETUP_FREE_MB_MIN: Final = 512  # chain, log and journals of a first day, with room to prune
BENCH_PLAIN_S: Final = 1.5  # multiplying matrices; longer says the same
BENCH_MODEL_S: Final = 8.0  # a model's answers vary; with opening it the whole takes about ten seconds
LAN_LISTEN_S: Final = 4.0  # nodes answer a question on the local network within a second, twice

# --- doors of subnets -----------------------------------------------------------------------------------------------
ROUTE_PATH_CHARS_MAX: Final = 256  # four pieces of 64
ROUTE_QUERY_MAX: Final = 32  # pairs of one request
ROUTE_BODY_CHARS_MAX: Final = 200_000  # in UTF-8 it fits one line with its quotes escaped
ROUTE_REPLY_CHARS_MAX: Final = 400_000  # likewise

# --- configuration --------------------------------------------------------------------------------------------------
CONFIG_BYTES_MAX: Final = 64 * 1024  # every key with a comment takes 6; a profile as much again
CONFIG_TEXT_CHARS_MAX: Final = 512  # of one value; a multiaddress has about 120
CONFIG_LIST_MAX: Final = 64  # values of one list; a node knows fewer bootstrap addresses
CONFIG_PROFILES_MAX: Final = 32  # of one file
CONFIG_FAULTS_SHOWN_MAX: Final = 20  # of one file; more is another kind of file
CONFIG_LOCK_WAIT_S: Final = 3.0  # a writer holds the lock for milliseconds
LAST_START_BYTES_MAX: Final = 64 * 1024  # a handful of short values
UPDATE_BYTES_MAX: Final = 16 * 1024  # of what an update address answers: a version and a few links
UPDATE_TIMEOUT_S: Final = 10.0

# --- recordings of a session ----------------------------------------------------------------------------------------
RECORDING_BYTES_MAX: Final = 64 * 1024 * 1024  # some hours of a busy node; an attachment of a report is smaller
RECORDING_CONTENT_BYTES_MAX: Final = 192 * 1024 * 1024  # unpacked: what a window that plays it holds in memory
RECORDING_LINE_BYTES_MAX: Final = ANSWER_BYTES_MAX + 4096  # one answer and its question
RECORDING_LINES_MAX: Final = 500_000  # ten changes a second for half a day
RECORDING_S_MAX: Final = 86_400  # a day
RECORDING_FLUSH_S: Final = 2.0  # what a killed recorder loses at most
RECORDED_SUBNETS_MAX: Final = 16  # whose metagraphs are asked for again and again
REPLAY_SPEED_MAX: Final = 1000.0  # an hour in some seconds
