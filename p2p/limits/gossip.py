"""Bounds of gossip: messages, frames, meshes, and what is remembered of them.

Units last in the names: bytes, seconds, points of reputation.
"""

# Gossip
MESSAGE_MAX_BYTES = 4 << 20
"""Largest gossip message. It costs every node about 0.3 s of CPU, so anything near it belongs on a stream."""
RPC_MAX_BYTES = MESSAGE_MAX_BYTES + (64 << 10)
"""One pubsub frame: the largest message and room for its author, signature and control data."""
RPC_MESSAGES_MAX = 512
"""Messages in one pubsub frame; honest senders put one, replies to IWANT a few dozen."""
RPC_SUBSCRIPTIONS_MAX = 256
"""Subscription changes in one pubsub frame: twice what a peer may subscribe to."""
RPC_CONTROL_ENTRIES_MAX = 1024
"""Control entries in one pubsub frame (grafts, prunes, have/want lists)."""
RPC_MESSAGE_IDS_MAX = 4096
"""Message ids named by the have/want lists of one pubsub frame: a few heartbeats at full rate."""
RPC_CONTROL_MAX_BYTES = 512 << 10
"""Control parts of one pubsub frame; 4096 message ids of 46 bytes and their topics."""
IWANT_REPLY_MAX_BYTES = 8 << 20
"""What one IWANT may fetch: two of the largest messages."""
TOPIC_QUEUE_MESSAGES = 256
"""Messages a slow topic reader may fall behind before new ones are dropped; a few seconds at full gossip rate."""
TOPIC_NAME_MAX_BYTES = 128
"""A topic name travels in every message."""
TOPICS_MAX = 64
"""Topics one node may join; each costs a mesh of its own."""
TOPICS_PER_PEER_MAX = 128
"""Topics we remember of one peer; twice what a node of ours joins."""
OUTBOUND_RPC_MAX = 1024
"""Pubsub frames waiting for one peer: ten seconds at its pace; beyond it the least important is lost and counted."""
OUTBOUND_RPC_MAX_BYTES = 16 << 20
"""Bytes of gossip waiting for one peer: four of the largest messages."""
RELAY_CACHE_MAX_BYTES = 64 << 20
"""Recent messages kept to answer IWANT and newcomers; at 10 KB a message that is minutes of full gossip rate."""
PEER_MESSAGES_PER_S = 200.0
"""Gossip messages read from one neighbour a second; a node digests about 150, so an honest mesh never meets this."""
PEER_MESSAGES_BURST = 1000.0
"""Messages a neighbour may send at once, for example after a stall."""
PEER_GOSSIP_BYTES_PER_S = float(4 << 20)
"""Gossip bytes read from one neighbour a second: one message of the largest size."""
PEER_GOSSIP_BURST_BYTES = float(32 << 20)
"""Gossip bytes a neighbour may send at once."""
PEER_RATES_MAX = 256
"""Peers whose reading rate and share are remembered, so that a new stream or connection does not renew them."""
WORK_UNIT_BYTES = 8 << 10
"""A message costs one unit of work and another for every so many bytes: about half a millisecond of CPU each."""
JUDGED_HIGH_PER_S = 500.0
"""Units of votes and headers judged a second beyond the shares: a quarter of a core; 16 authorities say 100."""
JUDGED_NORMAL_PER_S = 300.0
"""The same of transactions: 300 lists of up to 64, far more than blocks hold."""
JUDGED_LOW_PER_S = 100.0
"""The same of everything else: tasks of a busy subnet come a few times a second."""
JUDGED_BURST_S = 2.0
"""Seconds of those budgets that may be used at once, after a quiet time."""
JUDGED_SHARES = 16.0
"""Every neighbour's own share is one in this many of each budget: what it says is heard whatever the others send."""
PACED_PER_S = 100.0
"""Units of gossip below votes and headers sent to one neighbour a second: half of what it reads: nothing piles up."""
PACED_BURST_S = 1.0
"""Seconds of that pace that may leave at once, after a quiet time."""
SEQNO_MAX_BYTES = 8
"""A message's number: a 64-bit integer in libp2p."""
AUTHOR_MAX_BYTES = 64
"""A peer id in bytes; ours have 38."""
PUBSUB_STREAMS_PER_PEER = 4
"""Gossip streams one peer may have open to us: one per connection and a successor."""
SEEN_TTL_S = 120.0
"""How long message ids and contents are remembered; a message crosses the network in seconds."""
SEEN_MAX = 65_536
"""Message ids and contents remembered; 120 s at 500 a second. Costs about 15 MB each at most."""
REPUBLISH_INTERVAL_S = 10.0
"""A content already seen is passed on again at most this often, so that late nodes can be reached without a storm."""
IDONTWANT_MIN_BYTES = 16 << 10
"""Below it announcing that a copy is not wanted costs more than the copy."""

# Mesh (gossipsub's own names and usual values)
MESH_DEGREE = 6
"""Neighbours per topic."""
MESH_DEGREE_LOW = 4
"""Below it the mesh is filled up."""
MESH_DEGREE_HIGH = 12
"""Above it the mesh is pruned."""
HEARTBEAT_S = 1
"""Mesh upkeep; loss is repaired (IHAVE, IWANT) at this pace."""
