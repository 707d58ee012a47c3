"""Bounds of the work market beside those in `node.primitives.limits`, each with its reason. Units last in the names."""

from typing import Final

# --- calls ----------------------------------------------------------------------------------------------------------
NONCE_BYTES: Final = 16  # random, so that two callers never collide within three blocks
REQUEST_OVERHEAD_BYTES: Final = 1024  # keys, digests, nonce, signature and a payment around the task: about 500 bytes
REFUSAL_TEXT_CHARS_MAX: Final = 280  # one or two sentences
RECEIPT_BYTES_MAX: Final = 1024  # two keys, two signatures, two digests and seven numbers: about 330 bytes
REQUEST_TIMEOUT_S: Final = 5.0  # a caller that opened a stream sends its request at once
FIRST_PART_TIMEOUT_S: Final = 20.0  # a prompt of 512 tokens takes 1.3 s on one core, and a miner serves several
ANSWER_TIMEOUT_S: Final = 120.0  # 2 048 tokens at 17 a second
RECEIPT_TIMEOUT_S: Final = 3.0  # the miner waits no longer for the caller's countersignature
SEND_TIMEOUT_S: Final = 20.0  # a caller that reads nothing for this long has gone
CONNECT_TIMEOUT_S: Final = 8.0  # opening a stream takes 10 ms, dialling first takes 0.3 s
CLOSE_TIMEOUT_S: Final = 1.0  # courtesy of a clean close before the stream is dropped
FAILOVER_MINERS_MAX: Final = 3  # a fourth would start after the user has given up
CALLS_PER_MINER_MAX: Final = 8  # of one node at once, a batch; the ninth waits at home instead of being refused there
RETRY_PAUSE_S: Final = 0.3  # before the same miner is asked again: a place was just given back, a dial just fails
RETRY_WITHIN_S: Final = 3.0  # of the question: later the user has better use for an honest error
FIRST_MINER_WAIT_S: Final = 5.0  # a question waits so long for the first miner to come online ...
DOOR_OPENS_S: Final = 60.0  # ... within a minute of this door's opening; later nobody online is the truth
ONLINE_POLL_S: Final = 0.2  # so often the seats are looked at meanwhile

# --- money ----------------------------------------------------------------------------------------------------------
PAYMENT_BYTES_MAX: Final = 256  # two digests, a signature and three numbers: about 165 bytes
SEQUENCE_MAX: Final = 2**63 - 1  # a number of the ledger
BATCH_TOKENS: Final = 64  # may be delivered and not paid: what either side can lose when the other goes
BATCH_UNITS: Final = 1  # of a subnet's own units, alike
VOUCHER_TOKENS: Final = 32  # half a batch: the next voucher is there before the miner would have to wait for it
VOUCHER_TIMEOUT_S: Final = 10.0  # a voucher takes one way over the network and one write to a disk
FREE_CHECKS: Final = 16  # calls of a validator that a miner with prices answers for nothing (two bursts of a batch)
FREE_CHECKS_BLOCKS: Final = 25  # in this window, a round of a public network: enough to judge, too few to sell on
CHANNEL_MARGIN_BLOCKS: Final = 50  # ten minutes of 12 s blocks to redeem before a channel's end
CHANNELS_SERVED_MAX: Final = 4096  # to one miner at a time; half of what the payment book holds, about 4 MB
CHECKERS_MAX: Final = 256  # validators whose free calls are counted: a subnet's seats
GOODWILL_PPM: Final = 10_000  # of what a channel paid: given back on a caller's word, which a miner cannot check
CLAIMS_KEPT_MAX: Final = 1024  # paid calls that an audit may still find wrong; some minutes of a busy gateway
UNFAIR_S: Final = 86_400.0  # whose books differ from ours is not paid for a day
DAY_S: Final = 86_400  # the window of the spending limit

# --- admission at a miner -------------------------------------------------------------------------------------------
SERVING_MAX: Final = 8  # rows one CPU batches well: eight streams run at 3.8 times the speed of one
WAITING_MAX: Final = 32  # four batches; a longer queue cannot meet the deadline
STREAMS_PER_CALLER_MAX: Final = 12  # one caller fills one batch, not the queue; a half for calls that just end
STREAMS_HEARD_MAX: Final = 16  # of one caller: what is over the bound above is told so, instead of cut off
STREAMS_MAX: Final = SERVING_MAX + WAITING_MAX
WAIT_TIMEOUT_S: Final = 10.0  # half of the caller's patience for the first part

# --- challenges -----------------------------------------------------------------------------------------------------
TARGETS_MAX: Final = 64  # miners of one broadcast; 2 KiB of keys
CHALLENGE_OVERHEAD_BYTES: Final = 3 * 1024  # targets, keys, digests, peer id and signature
PEER_ID_CHARS_MAX: Final = 128  # an Ed25519 peer id has 52
ANSWER_BYTES_MAX: Final = 512 * 1024  # 2 048 tokens with text and ids take about 60 KiB
ACKNOWLEDGEMENT_BYTES_MAX: Final = 1 + RECEIPT_BYTES_MAX  # a code and a receipt
ROUNDS_OPEN_MAX: Final = 4  # older rounds are judged or given up
CHALLENGES_QUEUED_MAX: Final = 64  # a miner far behind answers nothing in time anyway
BODY_DIGESTS_KEPT_MAX: Final = 4096  # challenges of the last minutes, against repeats

# --- validators -----------------------------------------------------------------------------------------------------
JUDGE_THREADS: Final = 1  # one pass uses the model's own threads; two would only fight for the cores
JUDGE_QUEUE_MAX: Final = 256  # four rounds of the largest size; beyond it the oldest evidence is not worth its cost
FOUND_MODELS_MAX: Final = 1_024  # models looked up by name or file; beyond it all are looked up anew
TENSOR_THREADS: Final = 2  # runs of graphs at once: each uses the threads of its model already
AUDIT_QUEUE_MAX: Final = 32  # finished user calls waiting for an audit; newer ones are dropped
AUDIT_SHARE: Final = 0.05  # of the receipts of a known miner
AUDIT_SHARE_NEW: Final = 0.25  # of a miner below AUDIT_KNOWN_SAMPLES
AUDIT_KNOWN_SAMPLES: Final = 50.0
WEIGHT_MAX: Final = 65_535  # u16 of the ledger
STALE_EPOCHS: Final = 3  # an unreachable miner keeps its score that long, then it decays
BOOK_ROWS_MAX: Final = 4096  # 256 seats and the hotkeys that lost theirs lately

# --- records ------------------------------------------------------------------------------------------------------
SEED_ROUNDS: Final = 4096  # of one chain: two weeks of a public network; 128 KiB in memory, 4 ms to unroll
SEED_RENEW_ROUNDS: Final = 256  # the next chain is published so long before the end: a day, time for any retry
SEED_LAG_BLOCKS: Final = 4  # the block that goes into a seed is final by then; two is usual
RECENT_PER_MINER_MAX: Final = 200  # verdicts that `weigh` can look back at
RECENT_MAX: Final = 51_200  # of all miners together: 256 miners with 200 each, about 30 MB in memory
FACTS_MAX: Final = 16  # of one verdict
FACT_NAME_CHARS_MAX: Final = 32
RECORD_LINES_MAX: Final = 16_384  # of an epoch: fourteen rounds of 64 miners are 1 000; the rest is for users' calls
RECORD_LINES_FREE: Final = 2_048  # kept free of users' calls, so that a flood of them ends no round
RECORD_LINE_BYTES_MAX: Final = 256 * 1024  # all seats of a subnet with their addresses
RECORD_BOOK_BYTES_MAX: Final = 32 * 1024 * 1024  # RECENT_MAX verdicts and 4 096 standings
RECORD_HEAD_BYTES_MAX: Final = 1024  # two keys, six digests, a signature and a few numbers: about 450 bytes
RECORD_PAGE_BYTES_MAX: Final = 256 * 1024  # one answer; a whole record of a busy epoch takes a dozen
RECORD_QUESTION_BYTES_MAX: Final = 256
RECORD_ANSWER_BYTES_MAX: Final = 640 * 1024  # a challenge's task and its longest answer
RECORD_STREAMS_PER_PEER: Final = 2  # an audit asks for one page after the other
RECORD_STREAMS_MAX: Final = 8
RECORD_FETCH_TIMEOUT_S: Final = 15.0  # of one page
SEATED_ROWS_MAX: Final = 256  # changed seats in one line: the seats of a subnet
STATE_BYTES_RECORDED_MAX: Final = 1024 * 1024  # of a subnet's journal state in one epoch's record; beyond it a digest

# --- reasons --------------------------------------------------------------------------------------------------------
REASONS_PER_MINER_MAX: Final = 20  # verdicts told of one miner: a screenful
REASON_MINERS_MAX: Final = 512  # twice a subnet's seats; with the verdicts about 4 MB
REASON_CHARS_MAX: Final = 160  # of a verdict's evidence, as in a table
WHY_QUESTION_BYTES_MAX: Final = 256  # two keys and a number
WHY_ANSWER_BYTES_MAX: Final = 32 * 1024  # twenty verdicts with evidence in the longest characters
WHY_STREAMS_PER_PEER: Final = 2  # questions about one's score are rare
WHY_VALIDATORS_MAX: Final = 16  # asked at once; those with most stake decide

# --- journals -------------------------------------------------------------------------------------------------------
JOURNAL_BODY_BYTES_MAX: Final = 16 * 1024  # larger things are blobs, named here by their hash
JOURNAL_ENTRY_BYTES_MAX: Final = JOURNAL_BODY_BYTES_MAX + 512  # keys, digests, numbers and a signature: 290 bytes
JOURNAL_KIND_CHARS_MAX: Final = 32  # a word
JOURNAL_SEQUENCE_MAX: Final = 2**48  # an entry a millisecond for 8 000 years
JOURNAL_PAGE_ENTRIES_MAX: Final = 512  # half a day of one entry a minute; two pages of an author are kept
JOURNAL_PAGE_BYTES_MAX: Final = 256 * 1024  # of bodies: 256 authors with two full pages take 128 MiB
JOURNAL_AHEAD_BLOCKS_MAX: Final = 3  # an author's chain may be that much ahead of ours
JOURNAL_BURST: Final = 2048.0  # entries of one author at once: twice what a node that joins late gets of it
JOURNAL_PER_S: Final = 0.2  # 720 an hour from one author, eighteen times the share of 256 in 10 000 an hour
JOURNAL_AUTHORS_RATED_MAX: Final = 512  # authors whose rate is remembered: twice a subnet's seats
JOURNAL_QUEUED_MAX: Final = 256  # entries from gossip that wait to be written; what finds no room is fetched later
JOURNAL_BATCH_MAX: Final = 64  # entries written in one transaction: a millisecond or two
JOURNAL_ROWS_MAX: Final = 1024  # rows that one author's entries make, one an entry
JOURNAL_KEY_BYTES_MAX: Final = 160  # the author's 32 bytes and a name
JOURNAL_ROWS_BYTES_MAX: Final = 256 * 1024  # of one author; all are in memory: 64 MiB with 256 authors at the bound
JOURNAL_APPLY_TIMEOUT_S: Final = 5.0  # two pages reduced take milliseconds; longer means a subnet's program that hangs
JOURNAL_HEADS_MAX: Final = 512  # authors in one answer: twice a subnet's seats
JOURNAL_QUESTION_BYTES_MAX: Final = 256  # two keys, three numbers
JOURNAL_HEADS_BYTES_MAX: Final = 128 * 1024  # 512 lines of 90 bytes and as many forks
JOURNAL_RANGE_BYTES_MAX: Final = 256 * 1024  # a page in one or two answers
JOURNAL_STREAMS_PER_PEER: Final = 5  # what one peer fetches at once, and a comparison
JOURNAL_FETCHES_AT_ONCE: Final = 4  # journals fetched from one peer side by side: 256 in 6 s at a distance of 100 ms
JOURNAL_STREAMS_MAX: Final = 16  # answers under way at once, each at most a range
JOURNAL_FILL_S: Final = 20.0  # so often a node compares its journals with a peer's; 100 bytes when both are equal
JOURNAL_NEW_PEER_S: Final = 1.0  # so soon after a peer connects it is asked
JOURNAL_ASK_TIMEOUT_S: Final = 10.0  # a range of 256 KiB at 25 KB/s
JOURNAL_OWN_WAIT_S: Final = 5.0  # before the first entry of one's own peers are asked what they have of it
JOURNAL_OWN_PEERS: Final = 3  # so many of them: one may be behind
JOURNALS_READ_KEPT_MAX: Final = 16  # authors whose entries are kept in memory once read: 8 MB at the bound
JOURNAL_PEERS_REMEMBERED_MAX: Final = 256  # peers known to have been asked; more than a node connects to

# --- screens --------------------------------------------------------------------------------------------------------
TASKS_SHOWN_MAX: Final = 200  # recent tasks kept in memory; older ones are in the journal
PREVIEW_CHARS_MAX: Final = 160  # one wide line of a table
HEADS_QUEUED_MAX: Final = 16  # a role that misses heads only needs the newest

# --- reports --------------------------------------------------------------------------------------------------------
REPORTABLE_MAX: Final = 64  # answers that a door remembers for a report; a person looks at the last few
REPORTABLE_BYTES_MAX: Final = 8 * 1024 * 1024  # of them together
REPORT_TIMEOUT_S: Final = 60.0  # a pass over the longest answer takes about 6 s of one core
