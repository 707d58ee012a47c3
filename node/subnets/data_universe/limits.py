"""Every bound of the subnet Data Universe, each with its reason. Units last in the names."""

from typing import Final

# --- rows -----------------------------------------------------------------------------------------------------------
LABEL_CHARS_MAX: Final = 140  # the field's number
URI_CHARS_MAX: Final = 2048  # what browsers agree on
AUTHOR_CHARS_MAX: Final = 128  # a federated handle with its host
CONTENT_CHARS_MAX: Final = 12_000  # in UTF-8 at most 48 000 bytes: a row with its proofs fits one part of an answer
MINUTES_PER_HOUR: Final = 60
AGE_HOURS_MAX: Final = 720  # thirty days; older rows are worth nothing and are dropped
FUTURE_HOURS_MAX: Final = 1  # clocks of honest sources differ by less
SKEW_HOURS_MAX: Final = 24  # an item dated further in the future than this says nothing about its time
CAPACITY_FACTOR: Final = 3  # a text counts for at most so many times its different words

# --- index ----------------------------------------------------------------------------------------------------------
BUCKETS_MAX: Final = 350_000  # of one miner; the field's number
BUCKET_ROWS_MAX: Final = 200_000  # the field's number
BUCKET_BYTES_MAX: Final = 128 * 1024 * 1024  # the field's number
INDEX_PACKED_BYTES_MAX: Final = 16 * 1024 * 1024  # 350 000 buckets, nearly all with a label of their own
INDEX_BYTES_MAX: Final = 64 * 1024 * 1024  # the same, unpacked
TOP_LABELS_MAX: Final = 16  # named in a journal entry, so that questions can be drawn
PROOF_STEPS_MAX: Final = 32  # a tree over 2^32 leaves
SNAPSHOTS_KEPT: Final = 2  # of one miner: a question drawn before the newest arrived is about the one before
INDEX_FETCHES_PER_TICK: Final = 4  # a tick may not take a round's time

# --- tasks ----------------------------------------------------------------------------------------------------------
SAMPLE_ROWS: Final = 10  # of one challenge: seven by bytes, two by buckets, one by suspicion
LOOKUPS_MAX: Final = 16  # URIs of one question to another holder
COMMITMENTS_MAX: Final = 256  # seats of a subnet
USERNAMES_MAX: Final = 10  # the field's number
KEYWORDS_MAX: Final = 5  # the field's number
QUERY_CHARS_MAX: Final = 256  # of one name, keyword or free text
LIMIT_MAX: Final = 1000  # rows of one on-demand answer
LIMIT_DEFAULT: Final = 100
PART_ROWS_BYTES: Final = 40_000  # rows are packed into parts of about this size, below the bound of a part
SEARCH_BYTES_MAX: Final = 400_000  # of the rows of one search: an answer to a challenge has at most 512 KiB
CHALLENGE_ROWS_MAX: Final = 50  # of an on-demand question that validators draw

# --- judging --------------------------------------------------------------------------------------------------------
RECHECKS_PER_ANSWER: Final = 2  # reads of a source: they cost its host one request each
WITNESSES_ASKED: Final = 3  # other holders asked about the rows of one answer
AGREEING_MIN: Final = 2  # independent holders that make a row valid without a look at its source
WITNESSES_KEPT_MAX: Final = 200_000  # rows whose content several holders have shown; about 40 MB
SIMHASH_DISTANCE_MAX: Final = 3  # of 64 bits: the same text with a word changed
SIMILARITY_MIN: Final = 0.95  # of 5-grams: a page that was edited a little
FRESH_FETCH_HOURS: Final = 24

# --- collecting -----------------------------------------------------------------------------------------------------
SOURCES_MAX: Final = 256  # jobs of one miner
BODY_BYTES_MAX: Final = 10 * 1024 * 1024  # of one HTTP answer, unpacked
ITEMS_PER_COLLECT_MAX: Final = 20_000  # of one job and run
REDIRECTS_MAX: Final = 5
HOST_INTERVAL_S: Final = 1.0  # between two requests to one host
HTTP_TIMEOUT_S: Final = 20.0
ROBOTS_BYTES_MAX: Final = 512 * 1024
ROBOTS_KEPT_S: Final = 24 * 3600.0
BACKOFF_FIRST_S: Final = 60.0
BACKOFF_MAX_S: Final = 24 * 3600.0
HOSTS_KEPT_MAX: Final = 4096
FILE_BYTES_MAX: Final = 256 * 1024 * 1024  # of one local file
FILES_PER_FOLDER_MAX: Final = 100_000
XML_DEPTH_MAX: Final = 64
INGEST_BATCH_ROWS: Final = 5_000
STORE_BYTES_DEFAULT: Final = 10 * 1024**3
DISK_FREE_BYTES_MIN: Final = 256 * 1024 * 1024  # below it collecting pauses
PUBLISH_BLOCKS: Final = 50  # between two snapshots of the index

# --- jobs and data sets ---------------------------------------------------------------------------------------------
JOBS_PER_AUTHOR_MAX: Final = 64  # wishes of one validator; they fit one journal entry
JOBS_MAX: Final = 1024  # of the whole subnet
TASKS_MAX: Final = 64  # standing orders of this node's user
TASK_DAYS: Final = 7
DATASETS_MAX: Final = 256  # kept on this node
EXPORT_ROWS_MAX: Final = 50_000_000
EXPORT_SHARD_ROWS: Final = 1_000_000  # the field's number
