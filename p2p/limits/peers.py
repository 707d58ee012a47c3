"""Bounds of connections, known peers and their standing, and how long things may take.

Units last in the names: bytes, seconds, points of reputation.
"""

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
MARKS_KEPT = 8
"""Penalties of one peer that a person can look up, to know what its score is made of."""
MARKED_PEERS_MAX = 256
"""Peers of whom they are kept; each takes about a kilobyte."""
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
