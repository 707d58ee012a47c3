"""Storage: the chain, the signing record and the market journal on disk, in SQLite.

A leaf package: it takes and gives bytes, numbers and paths, and knows nothing of blocks' meaning.
"""

from storage.chain import ChainStore
from storage.errors import (
    Closed,
    CopiedHome,
    Corrupted,
    DiskFull,
    HomeInUse,
    Inaccessible,
    Inconsistent,
    Locked,
    OutOfBounds,
    SignRefused,
    StorageError,
    TooNew,
    TooOld,
    WrongDatabase,
)
from storage.journal import MarketStore, ScoreRow, SecretRow, TaskRow, VerdictRow
from storage.journals import ForkRow, JournalRow, JournalStore
from storage.lock import FileLock, HomeLock
from storage.receipts import ReceiptRow, ReceiptStore, UsageRow
from storage.records import RecordRow, RecordStore, SeedRow
from storage.rows import Adoption, BlockRow, CertificateRow, Commit, HeaderRow, Horizon, StepRow, Tip
from storage.signing import SignGuard

__all__ = [
    "Adoption",
    "BlockRow",
    "CertificateRow",
    "ChainStore",
    "Closed",
    "Commit",
    "CopiedHome",
    "Corrupted",
    "DiskFull",
    "FileLock",
    "ForkRow",
    "HeaderRow",
    "HomeInUse",
    "HomeLock",
    "Horizon",
    "Inaccessible",
    "Inconsistent",
    "JournalRow",
    "JournalStore",
    "Locked",
    "MarketStore",
    "OutOfBounds",
    "ReceiptRow",
    "ReceiptStore",
    "RecordRow",
    "RecordStore",
    "ScoreRow",
    "SecretRow",
    "SeedRow",
    "SignGuard",
    "SignRefused",
    "StepRow",
    "StorageError",
    "TaskRow",
    "Tip",
    "TooNew",
    "TooOld",
    "UsageRow",
    "VerdictRow",
    "WrongDatabase",
]
