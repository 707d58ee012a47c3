"""The light client: follows finality by one header and certificate an authority epoch, and reads proven state.

Pure, like all of the core. It executes nothing and stores nothing: it must never call a value true that is not under
the state root of a header which a quorum of the known authorities certified. Source: docs/protocol.md, "Light client".
"""
