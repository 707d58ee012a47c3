"""Bounds of finding peers by their id and of reaching those that nobody can dial.

Units last in the names: bytes, seconds, points of reputation.
"""

# Finding peers by their id (Kademlia)
KAD_BUCKET_PEERS = 20
"""Peers kept of each distance, and asked before a search gives up: Kademlia's k, so that some of them stay."""
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
