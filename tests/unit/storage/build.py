"""Small builders shared by the storage tests: numbered hashes, a line of blocks, a commit that finalises one."""

from storage import BlockRow, Commit


def number_hash(number: int, fork: int = 0) -> bytes:
    return fork.to_bytes(8, "big") + number.to_bytes(24, "big")


def block(height: int, fork: int = 0, parent_fork: int | None = None) -> BlockRow:
    parent = bytes(32) if height == 0 else number_hash(height - 1, fork if parent_fork is None else parent_fork)
    header = f"header {height}/{fork}".encode()
    return BlockRow(number_hash(height, fork), parent, height, height * 2, header, f"body {height}/{fork}".encode())


def final(height: int, state: dict[bytes, bytes | None] | None = None) -> Commit:
    return Commit(blocks=(block(height),), finalised=((height, number_hash(height)),), state=state or {})
