"""The words everybody uses: ids, canonical bytes, hashes, signatures, addresses, bounds, errors.

This package knows nothing of blocks, peers or files, and it never will: everything may import it, it imports nobody.
"""
