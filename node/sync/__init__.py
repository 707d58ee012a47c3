"""How a node that is behind gets blocks: the messages of `/neurond/sync/1`, the answers, and the schedule of requests.

Pure, like all of the core: requests and answers are values, the shell moves the bytes.
"""
