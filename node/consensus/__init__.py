"""Slots produce blocks, Tendermint votes finalise them: pure machines that are told the time and answer with effects.

Nothing here reads a clock, a socket or a file, and nothing here knows what a transaction is: execution is a parameter.
Start reading at `engine`. Source of the rules: docs/protocol.md, "Consensus".
"""
