"""Finding peers by their id: a Kademlia hash table over the host's own streams.

`table` and `lookup` are pure rules, `messages` the bytes on the wire, `service` what a running host does with them.
Nothing here is needed to start or to run: a node without the table has fewer ways to find a peer, that is all.
"""
