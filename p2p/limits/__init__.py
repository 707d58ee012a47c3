"""Every bound of the network layer, each with its reason. Units last in the names.

Sizes are bytes on this machine's side of the wire; times are seconds; points are reputation. Callers name them
`limits.NAME`, whichever part they are written down in.
"""

from p2p.limits.gossip import *
from p2p.limits.peers import *
from p2p.limits.streams import *
from p2p.limits.ways import *
