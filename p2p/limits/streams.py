"""Bounds of streams, of requests on them, of streams with credit, and of large contents.

Units last in the names: bytes, seconds, points of reputation.
"""

# Streams and frames
FRAME_MAX_BYTES = 16 << 20
"""Largest frame on a stream: a chain or snapshot piece. A receiver names its own, smaller bound."""
STREAMS_PER_PEER = 8
"""Streams of one protocol one peer may have open here: one peer cannot take every slot."""
STREAMS_TOTAL = 64
"""Streams of one protocol open here in all: bounds handler memory."""
PROTOCOLS_MAX = 64
"""Protocols one node serves."""
PROTOCOL_NAME_MAX_BYTES = 128
"""A protocol name travels at the start of every stream."""
CONNECTION_STREAMS_MAX = 192
"""Streams of both directions on one connection; the multiplexer itself stops answering at 256 of our own."""
STREAM_WINDOW_MAX_BYTES = 1 << 20
"""Bytes a peer may have in flight on one stream: full speed up to 100 ms of distance at 10 MB/s."""
STREAM_STALL_S = 30.0
"""A reader that takes nothing for so long does not want the rest; one that is dead is noticed by the probes before."""
FRAME_BODY_S = 60.0
"""An announced piece of a stream, at most 64 KB, has this long to arrive: 1 KB/s."""
UNREAD_BUDGET_BYTES = 16 << 20
"""Bytes of one connection received but not read by handlers; a peer that exceeds it loses the connection."""
OUTBOX_HIGH_BYTES = 256 << 10
"""Bytes queued to one connection before data frames wait."""
OUTBOX_CONTROL_BYTES = 4 << 20
"""Bytes queued to one connection before even control frames are refused and the connection is cut."""
READ_CHUNK_BYTES = 64 << 10
"""One read of a stream; single bytes cost a window update each."""
NEGOTIATION_MAX_BYTES = 1024
"""One protocol-negotiation line."""
NEGOTIATION_LINES_MAX = 16
"""Protocols a peer may ask for on one stream before it is refused."""

# Requests that share a stream
CALL_ASK_MAX_BYTES = 64 << 10
"""A question on a shared stream; larger ones get a stream of their own, since they would hold up the others."""
CALL_ANSWER_MAX_BYTES = 4 << 20
"""An answer on a shared stream: a stretch of blocks. Larger ones get a stream of their own."""
CALL_PART_BYTES = 32 << 10
"""One piece of an answer; between two pieces of a large answer others get their turn, 0.3 ms later at 100 MB/s."""
CALLS_PER_PEER = 32
"""Requests under way to one peer, and answered for one peer, at once: four protocols at the bound of their streams."""
CALLS_TOTAL = 512
"""Requests of our own under way in all: eight to every peer."""
CALLS_WAITING_MAX = 256
"""Requests that wait for one of these places to one peer; beyond it nothing would be answered in time."""
CALLS_QUEUE_BYTES = 256 << 10
"""Frames that wait on a shared stream before answers wait: what the connection's own queue holds."""
CALLS_QUEUE_MAX_BYTES = 1 << 20
"""Frames that wait before even refusals and cancellations end the stream: the other side does not read."""
CALLS_IDLE_S = 60.0
"""A shared stream on which nothing was asked for so long is closed by the asker; opening one costs 3 ms of CPU."""
CALLS_SERVED_IDLE_S = 90.0
"""The answering side closes it later, so that a question seldom meets a closing stream."""
CALL_SERVED_MAX_S = 120.0
"""An answer is worked on this long at most, however patient the asker claims to be: the longest answer of a miner."""
CALL_GRACE_S = 1.0
"""How much longer than the asker said it is worked on: the asker's own deadline comes first and tells it why."""
CALL_STREAMS_PER_PEER = 3
"""Shared streams one peer may have open here: one a connection."""

# Streams with credit
CREDIT_WINDOW_BYTES = 256 << 10
"""Parts that may be under way or unread each way: seconds of any model's words, a moment of anything else."""
CREDIT_PART_MAX_BYTES = (128 << 10) - 64
"""One part. With its cost it is half a window: credit is granted in halves, so the largest one always gets through."""
CREDIT_PART_COST_BYTES = 64
"""What a part takes of the window beside its length: what holding it costs."""
CREDIT_ALIVE_S = 2.0
"""A side that has sent nothing for so long says that it is alive."""
CREDIT_SILENT_S = 10.0
"""A side that has been silent so long is gone: five signs of life were due."""

# Blobs
BLOB_CHUNK_BYTES = 256 << 10
"""One chunk of a large content: a quarter of a stream's window, hashed in well under a millisecond."""
BLOB_MAX_BYTES = 8 << 30
"""The largest content: a model of this size is beyond what desktop machines run."""
BLOB_MANIFEST_MAX_BYTES = (1 << 20) + 1024
"""The chunk hashes of the largest content."""
BLOB_QUESTION_MAX_BYTES = 256
"""A question about a blob: a word, an id and a number."""
BLOB_WINDOW_CHUNKS = 4
"""Chunks asked of one peer ahead of their arrival: one stream window; hides 25 ms of distance at 40 MB/s."""
BLOB_CHUNK_TIMEOUT_S = 15.0
"""A peer slower than one chunk in this time (17 KB/s) gives its chunks back to others."""
BLOB_IDLE_S = 60.0
"""A stream on which nothing is asked for so long holds a place that others want."""
BLOB_STREAMS_PER_PEER = 2
"""One for a download and one for a question."""
BLOB_STREAMS_TOTAL = 16
"""Downloads served at once: each holds at most a window of chunks in memory."""
BLOB_THREADS = 4
"""Worker threads for reading and hashing, so that blobs never take the threads of blocks."""
BLOB_PEERS_ASKED_MAX = 16
"""Peers asked for one content; a few of them already fill any line."""
BLOBS_OFFERED_MAX = 64
"""Manifests held for others; the largest has 1 MB."""
BLOB_BUDGET_BYTES = 10 << 30
"""Disk that unfinished downloads may take together: room for one of the largest."""
BLOB_WRONG_POINTS = 60.0
"""A wrong chunk or manifest: no honest peer with a sound disk sends one; the second means a ban."""
