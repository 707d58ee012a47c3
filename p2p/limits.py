"""Every bound of the network layer, in one place, each with its reason. Units last in the names.

Sizes are bytes on this machine's side of the wire; times are seconds; points are reputation.
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

# Time
OPEN_TIMEOUT_S = 10.0
"""Opening a stream takes 5-9 ms on loopback; a peer that needs longer than this is no use."""
REQUEST_TIMEOUT_S = 10.0
"""A request that takes longer is better asked of another peer."""
FIND_TIMEOUT_S = 10.0
"""Finding a peer takes a few round trips; whoever has not been found by then is most likely off."""
DIAL_TIMEOUT_S = 10.0
"""Dead addresses must not hold a dial slot longer."""
UPGRADE_TIMEOUT_S = 5.0
"""An inbound connection has this long to finish its handshake."""
NEGOTIATION_TIMEOUT_S = 10.0
"""An inbound stream has this long to name its protocol."""
LINGER_S = 5.0
"""How long a stream closed on our side may wait for the other side to close before it is reset."""
CLOSE_S = 0.5
"""Saying goodbye to a connection (flush, then close)."""
STOP_S = 0.8
"""The whole shutdown of a host; what has not ended by then is cut."""
HEALTH_FIRST_S = 0.5
"""The first latency probe of a new connection."""
HEALTH_INTERVAL_S = 10.0
"""Latency and liveness probe of a connection; a probe costs about 5 ms of CPU."""
HEALTH_TIMEOUT_S = 5.0
"""A peer that does not answer a probe for this long is gone: its connections are cut."""

SILENCE_MAX_S = 8.0
"""A connection on which nothing that was sent is acknowledged for so long is cut off: the system ends it. A busy peer
acknowledges all the same, so this is no judgement of its speed; a frozen one is found by the probes. Something sent
after a while of silence begins the count anew, so that a cut is noticed within twice this time."""
KEEPALIVE_S = 4
"""The system asks on an idle connection this often whether the other machine is there: one small packet."""

# Peers
PEERS_MAX = 64
"""Connections in both directions; memory is at most this many unread budgets."""
PEERS_TARGET = 12
"""Peers the host seeks by itself: twice the mesh degree, so a mesh survives the loss of half."""
OUTBOUND_RESERVED_SHARE = 4
"""One in this many connection places is kept for dials of our own, so inbound peers cannot surround us."""
CONNECTIONS_PER_PEER = 3
"""Two peers that dial each other at once get two connections; a third allows a replacement."""
PENDING_UPGRADES_PER_IP = 16
"""Unfinished inbound handshakes of one IP address."""
PENDING_UPGRADES_MAX = 64
"""Unfinished inbound handshakes in all."""
AGENT_MAX_CHARS = 64
"""Shown on screens; longer names are cut."""
IDENTIFY_MAX_BYTES = 16 << 10
"""A peer's description of itself."""
ADDRESSES_PER_PEER = 8
"""Addresses kept of one peer."""
ADDRESS_MAX_BYTES = 256
"""One multiaddress; a DNS name has at most 253 characters."""
KNOWN_PEERS_MAX = 512
"""Peers remembered for dialling."""
PEERS_FILE_MAX_BYTES = 2 << 20
"""The remembered-peers file at its largest: 512 peers with 8 addresses and 1024 bans."""
EXCHANGE_PEERS_MAX = 32
"""Peers told in one peer-exchange answer."""
EXCHANGE_MAX_BYTES = 64 << 10
"""One peer-exchange frame: 32 peers with 8 addresses."""
EXCHANGE_INTERVAL_S = 30.0
"""How often a host below its target asks a neighbour for more peers, once the network is quiet."""
EXCHANGE_FIRST_S = 0.5
"""The first repeat of that question; doubled each time up to the interval above."""
DIALS_AT_ONCE = 8
"""Parallel dials of the redial loop."""
REDIAL_FIRST_S = 0.5
"""Pause before a failed peer is dialled again; doubled each time."""
REDIAL_MAX_S = 120.0
"""The longest such pause."""
REDIAL_LOST_MAX_S = 8.0
"""The longest pause for a peer that was connected lately: a network that was cut in two is one again so soon."""
REDIAL_LOST_FOR_S = 3600.0
"""How long after its last connection a peer counts as such; whoever is away for longer is off, not cut off."""
REDIAL_FAILURES_MAX = 8
"""Failures after which a peer that never answered is forgotten (bootstrap peers are kept)."""
SAVE_INTERVAL_S = 30.0
"""How often remembered peers and bans are written when they changed."""

# Reachability
REACH_ASKED = 3
"""Peers asked to dial back at a time: one that lies is outvoted."""
REACH_FIRST_S = 2.0
"""The first question after a start; doubled while nobody answers."""
REACH_RETRY_S = 300.0
"""The pause after an unreachable result: somebody may just be opening the port."""
REACH_INTERVAL_S = 1800.0
"""The pause after a good result; routers forget forwardings in hours, not minutes."""
REACH_MAX_BYTES = 8 << 10
"""A question or an answer about reachability: 8 addresses with a sentence each."""
REACH_PROBLEM_MAX_CHARS = 200
"""One sentence of a peer about one address; shown on screens."""
REACH_DIALS_MAX = 4
"""Addresses dialled back for one question, all of the asker's own host."""
REACH_DIAL_TIMEOUT_S = 3.0
"""A dial-back that takes longer is no use to anybody who wants to connect."""
REACH_SERVED_AT_ONCE = 4
"""Questions answered at the same time."""
REACH_SERVED_PER_MINUTE = 30
"""Questions answered in all: even a crowd of askers costs a dial every two seconds."""
REACH_SERVE_INTERVAL_S = 30.0
"""One peer may ask this often."""
REACH_PEERS_REMEMBERED_MAX = 1024
"""Askers whose last question is remembered."""

# Finding peers by their id (Kademlia)
KAD_BUCKET_PEERS = 20
"""Peers kept of each distance, and asked before a search gives up: Kademlia's k, large enough to outlive their leaving."""
KAD_TABLE_PEERS = 512
"""Peers in the routing table: full buckets for a network of millions, and a bound on what made-up ids can fill."""
KAD_PARALLEL = 3
"""Peers asked at the same time in one search: Kademlia's alpha."""
KAD_GROUP_IP4_BITS = 24
"""Addresses of the internet that share so many bits belong to one owner as a rule."""
KAD_GROUP_IP6_BITS = 48
"""The same for IPv6: what a provider gives to one site."""
KAD_GROUP_PER_BUCKET = 2
"""Places of a bucket for one such group: a tenth, so that who rents one network cannot surround anybody."""
KAD_GROUP_PER_TABLE = 8
"""Places of the whole table for one such group."""
KAD_HOST_PER_BUCKET = 10
"""Places of a bucket for one private host: a devnet lives on one machine, and still leaves half for others."""
KAD_HOST_PER_TABLE = 64
"""Places of the whole table for one private host: the nodes of a large devnet."""
KAD_FAILURES_MAX = 2
"""Silences in a row after which an entry is forgotten; after the first it is told to nobody."""
KAD_KEY_MAX_BYTES = 64
"""A key or a peer id in bytes; ours have 38, other multihashes up to 66 are not peers."""
KAD_QUERY_MAX_BYTES = 16 << 10
"""A question; other implementations add a signed record of themselves of about 500 bytes."""
KAD_ANSWER_MAX_BYTES = 64 << 10
"""An answer; 21 peers with 4 addresses have 3 KB, with signed records of other implementations 12 KB."""
KAD_ANSWER_PEERS_MAX = 64
"""Peers in an answer; honest ones name a bucket and the target."""
KAD_ANSWER_PEERS_USED = 24
"""Peers taken from an answer: a bucket, the target and some room."""
KAD_ADDRESSES_TOLD = 4
"""Addresses of one peer told in an answer, and taken from one."""
KAD_ADDRESSES_CLAIMED_MAX = 16
"""Addresses of one peer remembered in one search: of four tellers who all say something else."""
KAD_ADDRESSES_TRIED = 2
"""Addresses dialled in one attempt at a peer."""
KAD_TRIES_MAX = 3
"""Attempts at one peer in one search, each at addresses not tried yet."""
KAD_CANDIDATES_MAX = 512
"""Peers remembered in one search: 20 answers in which every peer is new."""
KAD_QUERIES_MAX = 64
"""Attempts in one search: a bucket that answers, twice as much that does not."""
KAD_DOUBT_AFTER = 3
"""Dead peers told, and none alive, after which somebody's other peers come last, and it costs points at the end."""
KAD_FALSE_POINTS = 10.0
"""Answers without a living peer: bad luck once, but honest tables tell only who answered last; the 11th bans."""
KAD_DIAL_TIMEOUT_S = 3.0
"""A peer that needs longer to connect is no help in a search of ten seconds."""
KAD_QUERY_TIMEOUT_S = 3.0
"""An answer is a matter of a round trip."""
KAD_FINDS_AT_ONCE = 4
"""Searches of ours at the same time: each opens up to three connections at once."""
KAD_GUEST_S = 10.0
"""How long a connection made for a search stays for whoever wants more of that peer."""
KAD_FIRST_S = 1.0
"""The first search for oneself after a start, and the pause before the next; doubled each time."""
KAD_SEEK_S = 120.0
"""The longest such pause below the target of peers; a round costs about 4 ms of CPU a peer."""
KAD_REFRESH_S = 600.0
"""The pause once there are enough peers; a node behind a relay is forgotten by others after three of them."""
KAD_BUCKET_STALE_S = 3600.0
"""A bucket whose range was not looked up for so long is refreshed, one a round."""
KAD_REFRESHED_BUCKETS_MAX = 8
"""Buckets refreshed by a search of their own; nearer ones are met on the way to oneself."""
KAD_KEY_TRIES_MAX = 2_000
"""Random keys tried for the range of a bucket, 3 ms; one in 512 falls into the last that is refreshed."""
KAD_STALE_S = 900.0
"""An entry that has not been heard of for so long is asked whether it lives."""
KAD_CHECKED = 8
"""Such entries asked in one round."""
KAD_CONSIDERED = 4
"""Connected peers outside of the table that are asked in one round whether they serve it by now."""
KAD_GREET_S = 0.5
"""A newcomer is asked within this random pause, after gossip and identify had their turn."""
KAD_PROOFS_AT_ONCE = 2
"""Peers that connected to us and are dialled back before they enter the table."""
KAD_STREAMS_PER_PEER = 3
"""Streams with questions one peer may have open here: one for each parallel search."""
KAD_STREAMS_TOTAL = 32
"""Streams with questions open here in all."""
KAD_STREAM_QUERIES = 16
"""Questions on one stream; other implementations keep one for many."""
KAD_SERVED_BURST = 20.0
"""Questions one peer may ask at once: its searches at a start."""
KAD_SERVED_PER_S = 2.0
"""Questions one peer may ask in the long run."""
KAD_SERVED_TOTAL_BURST = 120.0
"""Questions answered at once in all: a devnet that starts."""
KAD_SERVED_TOTAL_PER_S = 30.0
"""Questions answered in the long run: a tenth of a core."""
KAD_ASKERS_MAX = 1024
"""Askers whose rate is remembered."""
KAD_CONTACTS_MAX = 1024
"""Peers outside of the table whose own words about where they are can be told to who looks for them."""
KAD_CONTACTS_PER_GROUP = 64
"""Of one group of addresses: the nodes of a large devnet."""
KAD_CONTACT_S = 1800.0
"""How long such words count after the peer was here; it comes again three times in this time."""

# Relays
RELAY_RESERVATIONS_MAX = 32
"""Places for peers that cannot be dialled: half of the connections of a node; each costs an entry in a table."""
RELAY_RESERVATIONS_PER_IP = 4
"""Places for one IP address: a household or an office; a crowd behind one address finds other relays."""
RELAY_RESERVATION_S = 3600.0
"""How long a place lasts, as in other implementations; it is renewed after half of it."""
RELAY_RENEW_MIN_S = 120.0
"""A place is taken to last at least this long, whatever a relay with a wrong clock says."""
RELAY_CIRCUITS_MAX = 16
"""Circuits carried at once: at their full rate 4 MB/s, a third of a 100 Mbit/s line."""
RELAY_CIRCUITS_PER_PEER = 8
"""Circuits of which one peer is an end: half, so that nobody takes the whole relay."""
RELAY_CIRCUITS_PER_IP = 8
"""Circuits asked for from one IP address: the same for somebody with many peer ids."""
RELAY_CIRCUIT_BYTES = 64 << 20
"""Bytes of one circuit, both ways: an hour of gossip and tasks; whoever loads models or chains needs a direct way."""
RELAY_CIRCUIT_BYTES_PER_S = 256 << 10
"""Bytes a second of one circuit, both ways. Half of that would let a window of 1 MB stand still for the 5 s after
which the multiplexer gives up."""
RELAY_CIRCUIT_BURST_BYTES = 1 << 20
"""Bytes of one circuit that pass at full speed, so that small exchanges are not slowed."""
RELAY_CIRCUIT_S = 3600.0
"""How long one circuit lasts; the ends connect anew, and try a direct way again."""
RELAY_ASKS_PER_MINUTE = 30
"""Places and circuits one peer may ask for; each costs its target a stream."""
RELAY_PEERS_REMEMBERED_MAX = 256
"""Askers whose questions are counted: four times the connections of a node."""
RELAY_MESSAGE_MAX_BYTES = 4096
"""One message of the relay protocols, as in other implementations."""
RELAY_ADDRESSES_MAX = 4
"""Addresses of one relay, and addresses tried in one hole punching."""
RELAY_TIMEOUT_S = 10.0
"""One question to a relay, or of a relay, and its answer."""
RELAYS_WANTED = 2
"""Places a node keeps while it cannot be dialled: one relay may go at any time."""
RELAY_CHECK_S = 1.0
"""How often the places are looked at; nothing is sent when nothing is due."""
RELAY_RETRY_S = 60.0
"""A peer that keeps no place for us is asked again after this; it may just not know yet that it can be dialled."""
RELAY_RETIRE_S = 30.0
"""How long a relayed connection may finish what runs on it after a direct one is there."""

# Hole punching
PUNCH_ATTEMPTS = 3
"""Tries of one hole punching, as in other implementations."""
PUNCH_S = 5.0
"""One try: the system repeats a dropped first packet after 1 s and 3 s."""
PUNCH_AGAIN_S = 0.1
"""The pause after an attempt that was refused at once, because the other side had not begun yet."""
PUNCH_DIRECT_S = 3.0
"""How long the addresses the other side listens on are tried first."""
PUNCHES_PER_MINUTE = 6
"""Hole punchings one peer may ask for; each makes this node knock at a few addresses that the peer names."""
PUNCHES_AT_ONCE = 4
"""Hole punchings under way on behalf of peers."""

# Multicast DNS
MDNS_INTERFACES_MAX = 4
"""Interfaces announced on; machines with more have virtual ones."""
MDNS_WAITING_MAX = 64
"""Appearances waiting to be looked at; more at once is a flood."""
MDNS_DIALS_AT_ONCE = 8
"""Appearances looked at at the same time, each holds a thread while it is resolved."""
MDNS_RESOLVE_S = 2.0
"""A host of the local network answers in milliseconds."""
MDNS_TRIES = 3
"""Dials of one appearance; afterwards the next announcement counts."""
MDNS_PAUSE_S = 0.3
"""Two nodes see each other at the same moment; a random pause up to this makes one of them dial first."""
MDNS_STOP_S = 0.8
"""Saying goodbye to the local network."""

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

# Reputation
BAN_SCORE = -100.0
"""Score below which a peer is dropped and banned."""
BAN_S = 3600.0
"""Length of a ban: long enough to be no use to an attacker, short enough to forgive a bug."""
BAN_MIN_S = 1.0
"""A shorter ban than this would be over before anybody saw it."""
BAN_MAX_S = 10 * 365 * 86_400.0
"""The longest ban a person can ask for: longer than any network of ours has lived."""
BAN_REASON_MAX_CHARS = 120
"""Shown in one line and kept in the file."""
BANS_MAX = 1024
"""Bans remembered; the ones that end first are forgotten first."""
SCORE_HALF_LIFE_S = 600.0
"""Penalties halve in this time, so rare faults never add up to a ban."""
SCORES_MAX = 4096
"""Peers whose score is remembered after they left."""
REJECTED_POINTS = 10.0
"""A message our check rejected: ten within minutes mean a ban."""
MALFORMED_POINTS = 40.0
"""A frame no honest implementation sends (not protobuf, over the bounds, forged signature): the third means a ban."""

# Doors: what strangers and neighbours may cost before anything is held against them
PLACE_KEPT_S = 0.25
"""How long a stream keeps its place although its peer holds more of them than somebody who finds none."""
ARRIVALS_PER_IP_PER_S = 10.0
"""Inbound connections of one IP address a second: a handshake costs us 5 ms of processor, so 5 % of one."""
ARRIVALS_PER_IP_BURST = 64.0
"""Such connections at once: a whole devnet or office that starts in the same moment."""
ARRIVALS_PER_BAN = 16.0
"""Arrivals that a ban costs the IP address it came from: with new ids from one address, a ban takes 1.6 s."""
CONNECTIONS_PER_IP = 32
"""Inbound connections of one IP address: two thirds of the places for inbound peers, the rest is for others."""
RATES_REMEMBERED_MAX = 4096
"""Addresses and peers whose rate is remembered; forgetting one gives it a fresh burst."""
PEER_STREAMS_PER_S = 500.0
"""Streams one peer may open a second before they wait; opening one costs a side 2 ms of processor."""
PEER_STREAMS_BURST = 1000.0
"""Such streams at once."""
PEER_WASTED_STREAMS_PER_S = 5.0
"""Streams of one peer a second that end before they have a protocol; an honest peer gives up a few under load."""
PEER_WASTED_STREAMS_BURST = 200.0
"""Such streams at once; beyond it the peer loses points and its connections."""
HEARSAY_DIALS_PER_S = 4.0
"""Dials a second of peers that only others told of: what a node can be made to knock at the doors of third parties."""
HEARSAY_DIALS_BURST = 48.0
"""Such dials at once: a new node in a network of some dozens."""
HEARSAY_FAILURES_PER_HOST = 16
"""Such dials of one host without an answer, before it is left alone."""
HEARSAY_PAUSE_S = 2.0
"""The first pause of such a host; doubled with each further dial up to the longest of all redials."""
