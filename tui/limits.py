"""Every bound of the terminal UI, each with its reason."""

from typing import Final

TICK_S: Final = 0.25  # four paints a second look live and cost a fifth of painting every event
STREAM_TICK_S: Final = 0.1  # a growing answer is one small widget; at four a second it would stutter

PEERS_INTERVAL_S: Final = 2.0
CHAIN_INTERVAL_S: Final = 4.0  # seats, subnets and earnings change once an epoch
FOLLOW_PAUSE_S: Final = 0.2  # a subscription that ended is asked for again
POLL_PAUSE_MAX_S: Final = 30.0  # after failures, so that a node in trouble is left alone
JOB_INTERVAL_S: Final = 1.0  # in case the events of a job are missed

ATTACH_RETRIES_S: Final = (0.2, 0.4, 0.8, 1.6, 3.0, 5.0)  # pauses while a started node opens its socket
GONE_AFTER_S: Final = 3.0  # shorter gaps heal by themselves and are not worth a banner

LOG_LINES_MAX: Final = 2000  # a screen shows 30; older ones are in the file
TASKS_MAX: Final = 500
GENESIS_CHARS_MAX: Final = 80  # 64 digits, and what is pasted along
TASK_MINERS_MAX: Final = 256  # a subnet has no more seats
JOBS_MAX: Final = 50
PEERS_MAX: Final = 1000
PROPOSALS_MAX: Final = 200  # the ledger holds fewer
SUBNETS_MAX: Final = 1024  # the ledger holds fewer
SAMPLES_MAX: Final = 240  # a chart has two points a column

LINE_CHARS_MAX: Final = 2000  # of one log line or name from outside, before any drawing
ANSWER_CHARS_MAX: Final = 64_000  # 8192 tokens of about 8 characters
QUESTION_CHARS_MAX: Final = 8000  # what a small model's context holds
TARGET_CHARS_MAX: Final = 4096  # the control API's own bound on an invite
PASSWORD_CHARS_MAX: Final = 1024
CHECKLIST_FOR_S: Final = 86_400  # of a node's life: after a day a person knows what is missing
PHRASE_CHARS_MAX: Final = 512  # 24 recovery words of at most 8 letters have 215
FILTER_CHARS_MAX: Final = 80
FIELD_CHARS_MAX: Final = 80  # an address has 48 characters, an amount fewer

DRAFT_PAUSE_S: Final = 0.25  # after the last key, before the node is asked for a preview
REQUOTE_BLOCKS: Final = 2  # an older preview is asked for again before anybody signs it
TYPED_ABOVE_RAO: Final = 100 * 10**9  # a larger sum is typed once more before it is signed
HOLD_STEPS: Final = 5  # steps of HOLD_STEP_S in which a signed transaction can still be withdrawn
HOLD_STEP_S: Final = 1.0
AUTO_LOCK_S: Final = 600.0  # an unlocked coldkey is forgotten after a pause in which somebody else may sit down
EXCHANGES_MAX: Final = 100  # questions kept in one session's history
TURNS_SENT: Final = 8  # messages of context sent with a question; more only slows a small model
MESSAGES_CHARS_MAX: Final = 24_000  # their sum
KEYMAP_BYTES_MAX: Final = 64 * 1024  # every binding with a comment takes a tenth of it
KEYMAP_FAULTS_MAX: Final = 20  # more are not read by anybody at once
KEYS_PER_ACTION_MAX: Final = 8
VIEWS_MAX: Final = 50  # of the history that [ and ] walk
COMMAND_CHARS_MAX: Final = 300  # an address and an amount with room to spare
COMMANDS_KEPT: Final = 50  # of one session, for the arrow up
ALERTS_MAX: Final = 200  # kept in the list; the oldest leave first
ALERT_AGAIN_S: Final = 60  # what ended so lately is not told again: it comes and goes
ALERT_ALONE_S: Final = 15.0  # peers come and go
ALERT_STILL_S: Final = 60.0  # without a block, or without a final one
ALERT_SLOTS: Final = 5  # slots may stay empty, but not so many in a row
ALERT_LAG_BLOCKS: Final = 6  # finality is usually two or three blocks behind
ALERT_SCORES_MIN: Final = 12  # judged answers, before their mean says anything
ALERT_SCORE_FALL: Final = 0.2  # between the earlier and the later half
ALERT_UNLOCKED_S: Final = 900.0  # longer than a person needs for a few signatures
LOOKS_MAX: Final = 64  # answers that a screen keeps of what its pages asked for
LOOK_AGE_S: Final = 5.0  # how old an answer on an open page may be
SLOW_LOOK_AGE_S: Final = 60.0  # of one that other nodes are asked for
LATELY_MAX: Final = 32  # round trips remembered of one peer, for its spark
OLDER_LINES_MAX: Final = 20_000  # log lines taken back from the file: 5 MB of this window
PATTERN_CHARS_MAX: Final = 200  # longer than any that a person types
PATTERN_MEMORY_BYTES: Final = 1 << 20  # of one pattern and its states; nobody needs a larger one for a line of a log
HIGHLIGHT_CHARS_MAX: Final = 240  # of one line, for showing where a pattern fits
HISTORY_ITEMS: Final = 100  # events asked for at once
HISTORY_KEPT_MAX: Final = 5000  # of one account in a window; a file has them all
HISTORY_TRIES: Final = 10  # stretches of blocks searched for one key press
BALANCES_READ_MAX: Final = 50  # accounts whose balances one look asks for
ADDRESS_AND_NAME_CHARS_MAX: Final = 120  # 48 of an address, 64 of a name
SIGNATURE_CHARS_MAX: Final = 140  # 128 hex digits and their mark
PATH_CHARS_MAX: Final = 1000  # of a file name that a person types
ANSWERS_KEPT: Final = 16  # last answers of chutes, one each; a picture in one is a few hundred KB
CHUTE_TEXT_CHARS_MAX: Final = 4_000  # typed into one line; longer texts are called for on the command line
CANDLES_ASKED: Final = 240  # of one page: more than a wide screen shows
CANDLES_KEPT_MAX: Final = 4000  # of one chart that is panned back: a year of 4 h candles
GRAPH_AGE_S: Final = 12.0  # of the seats that a ticket's estimate looks at: they change once an epoch
STRIPS_MAX: Final = 400  # drawn lines kept by one table: four screens; each is 20 objects to the garbage collector

NARROW_COLUMNS: Final = 110  # below it side panes become tabs
TINY_COLUMNS: Final = 60  # below it one pane
SHORT_ROWS: Final = 20  # below it there is no room for cards
