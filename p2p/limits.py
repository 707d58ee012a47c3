"""Every bound of the network layer, in one place, each with its reason. Units last in the names."""

# Gossip
MESSAGE_MAX_BYTES = 4 << 20
"""Largest gossip message. Costs each node about 0.3 s of CPU, so anything near it belongs on a stream."""
RPC_OVERHEAD_BYTES = 64 << 10
"""Room in one pubsub frame beside the message: author, signature, control data."""
TOPIC_QUEUE_MESSAGES = 256
"""Messages a slow topic reader may fall behind before new ones are dropped; a few seconds at full gossip rate."""
TOPIC_NAME_MAX_BYTES = 128
"""A topic name travels in every message."""
TOPICS_MAX = 64
"""Topics one node may join; each costs a mesh of its own."""

# Streams and frames
FRAME_MAX_BYTES = 16 << 20
"""Largest frame on a stream: a chain or snapshot piece. A receiver names its own, smaller bound."""
STREAMS_PER_PEER = 8
"""Streams of one protocol one peer may have open here: one peer cannot take every slot."""
STREAMS_TOTAL = 64
"""Streams of one protocol open here in all: bounds handler memory."""

# Time
OPEN_TIMEOUT_S = 10.0
"""Opening a stream takes 5-9 ms; the 257th to one peer would wait without end."""
REQUEST_TIMEOUT_S = 10.0
"""A request that takes longer is better asked of another peer."""
DIAL_TIMEOUT_S = 10.0
"""A TCP and noise handshake takes 0.25 s; dead addresses must not hold a dial slot longer."""

# Peers
PEERS_MAX = 64
"""Connections in both directions; memory is at most this many unread budgets."""
PEERS_TARGET = 12
"""Peers the host seeks by itself: twice the mesh degree, so a mesh survives the loss of half."""
BAN_SCORE = -100.0
"""Score below which a peer is dropped and banned."""
