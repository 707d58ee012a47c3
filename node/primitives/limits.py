"""Every bound of the node's packages in one place, each with its reason.

Leaves keep their own (`p2p.limits`, `storage.limits`, `models.limits`). A bound that consensus depends on changes
only with a new spec version.
"""

from typing import Final

# --- encoding -------------------------------------------------------------------------------------------------------
TRANSACTION_BYTES_MAX: Final = 16 * 1024  # the largest call (weights for 256 uids) needs under 2 KiB
BLOCK_BYTES_MAX: Final = 1024 * 1024  # 5 000 transfers; a body of this size costs a peer about 10 ms to receive
HEADER_BYTES_MAX: Final = 64 * 1024  # 300 bytes as a rule; the first header of an epoch lists up to 1 000 authorities
VOTE_BYTES_MAX: Final = 1024  # a vote has about 250 bytes
CERTIFICATE_BYTES_MAX: Final = 80 * 1024  # 1 000 signatures of 64 bytes and their bitmap
STATE_PATHS_KEPT_MAX: Final = 4096  # of each state item; about 1 MB each at most, a block touches fewer
STATE_VALUE_BYTES_MAX: Final = 64 * 1024  # 256 neurons with their records in one value stay well below

# --- chain ----------------------------------------------------------------------------------------------------------
AUTHORITIES_MAX: Final = 1000  # quorum checks stay under 100 ms
STAKE_VALIDATORS_MAX: Final = 256  # the largest bonds; a certificate of them has 17 KB and takes 15 ms to check
ROTA_SLOTS: Final = 1024  # after so many slots the weighted order of leaders begins again; a smaller share never leads
IDLE_MISSED_SLOTS: Final = 8  # missed in one authority epoch, they cost the turns of the next one
TRANSACTIONS_PER_BLOCK_MAX: Final = 5000  # 1.5 s of one core for a 12 s slot
ERA_PERIOD_BLOCKS_MAX: Final = 4096  # no immortal transactions: replay memory stays bounded
UNFINALISED_BLOCKS_MAX: Final = 256  # beyond it only empty blocks with growing gaps; bounds the tree in memory

# --- mempool --------------------------------------------------------------------------------------------------------
MEMPOOL_TRANSACTIONS_MAX: Final = 5000
MEMPOOL_BYTES_MAX: Final = 5 * 1024 * 1024
MEMPOOL_PER_SENDER_MAX: Final = 64  # one account cannot fill the pool
MEMPOOL_NONCE_GAP_MAX: Final = 16  # held, never gossiped, until the gap is filled
MEMPOOL_FREE_TRANSACTIONS_MAX: Final = 1000  # fee-free ones: a fifth of the pool, which no paid one takes from them
MEMPOOL_FREE_BYTES_MAX: Final = 1024 * 1024  # a fifth of the pool's weight; 64 reports of the largest kind
MEMPOOL_FREE_SHARE_OF_BLOCK: Final = 8  # one part in so many of each block is theirs first: paid ones cannot fill it
MEMPOOL_REPORTS_PER_OFFENDER_MAX: Final = 4  # one is enough; copies by others may not fill the lane

# --- sync -----------------------------------------------------------------------------------------------------------
SYNC_BLOCKS_PER_REQUEST_MAX: Final = 128
SYNC_RESPONSE_BYTES_MAX: Final = 4 * 1024 * 1024  # one answer fits the memory budget of a stream

# --- subnets --------------------------------------------------------------------------------------------------------
UIDS_MAX: Final = 256
VALIDATORS_MAX: Final = 64
EPOCH_UIDS_MAX: Final = 2**15  # so many I32F32 proportions, or u16 numbers as I32F32, sum without overflow
ADDRESSES_PER_AXON_MAX: Final = 4
ADDRESS_BYTES_MAX: Final = 256  # a multiaddr with relay parts has about 200 characters

# --- market ---------------------------------------------------------------------------------------------------------
TASK_BYTES_MAX: Final = 64 * 1024  # larger payloads travel as blobs
ANSWER_PART_BYTES_MAX: Final = 64 * 1024
ANSWER_PARTS_MAX: Final = 8192  # one part a token and room for slow counters
REQUEST_AGE_BLOCKS_MAX: Final = 3  # a signed request older than this is a replay
REPLAY_CACHE_MAX: Final = 65_536  # three blocks of requests at 1 000 a second, then the oldest go

# --- control and gateway --------------------------------------------------------------------------------------------
CONTROL_LINE_BYTES_MAX: Final = 1024 * 1024
HTTP_BODY_BYTES_MAX: Final = 8 * 1024 * 1024
HTTP_JSON_DEPTH_MAX: Final = 16
CHAT_MESSAGES_MAX: Final = 256

# --- ledger ---------------------------------------------------------------------------------------------------------
GENESIS_BYTES_MAX: Final = 8 * 1024 * 1024  # 40 000 balances as text; parsed once per network
PEER_ID_BYTES_MAX: Final = 64  # an Ed25519 peer id has 52 characters
COMMITMENT_BYTES_MAX: Final = 128  # a hash, a revision and a name
NETWORK_NAME_CHARS_MAX: Final = 64  # shown in one line of a screen
SUBNETS_MAX: Final = 128  # one block visits every subnet
IDENTITY_TEXT_CHARS_MAX: Final = 256  # a sentence or an address; all texts of one identity fit 8 KiB
PARAMETER_NAME_BYTES_MAX: Final = 64  # the longest has about 30
NOMINATIONS_LISTED_MAX: Final = 1024  # what one query lists; the ledger itself sets no bound on positions
REVEAL_PERIOD_EPOCHS_MAX: Final = 100  # weights kept secret longer say nothing any more
WEIGHT_COMMITS_MAX: Final = 10  # waiting to be revealed, per validator and subnet
WEIGHT_SALT_MAX: Final = 32  # u16 each: 512 bits
WEIGHT_BATCH_MAX: Final = 16  # items of one transaction; it costs no fee
CHILDREN_MAX: Final = 5  # children of one hotkey on one subnet
CHILDREN_ASKED_MAX: Final = 16  # what the encoding lets through, so that too many have an error of their own
PARENTS_MAX: Final = 128  # all 64 root validators and as many others; an epoch visits every one
CHILDREN_PER_EPOCH_MAX: Final = 64  # waiting requests that one epoch decides, about 10 ms; the rest wait for the next
SWAP_MOVES_MAX: Final = 4096  # positions, links and keys that one key swap moves: under half a second of a block
PROXIES_MAX: Final = 20  # proxies of one account
PROXY_ANNOUNCEMENTS_MAX: Final = 16  # open announcements of one proxy
IDENTITY_NAME_BYTES_MAX: Final = 256
IDENTITY_TEXT_BYTES_MAX: Final = 1024  # image, description and the rest; one screen
TRIUMVIRATE_MAX: Final = 3  # the field's number
SENATE_MAX: Final = 12  # the field's number
ROOT_SEATS_MAX: Final = 64  # the field's number
PROPOSALS_MAX: Final = 10  # open at one time
PROPOSAL_CALL_BYTES_MAX: Final = 12 * 1024  # an authority set of 256 members fits, and a transaction around it
AUTHORITIES_PER_CALL_MAX: Final = 256  # what one proposal can name; 44 bytes each
EVIDENCE_CALL_BYTES_MAX: Final = 15 * 1024  # two headers that each list 150 authorities; a transaction around it
UNBONDINGS_MAX: Final = 8  # parts of one bond on their way back
CHANNELS_PER_PAYER_MAX: Final = 1024  # open at one time
CHANNEL_EXPIRY_BLOCKS_MAX: Final = 2**32  # a thousand years of 12 s; keeps heights in 63 bits
RECEIPT_EPOCHS_KEPT: Final = 32  # newest receipt roots of one neuron; older ones are in old blocks
MERKLE_DEPTH_MAX: Final = 256  # paths have 256 bits; bounds proofs and recursion
