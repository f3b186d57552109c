"""A two-way sync of Marketo and Microsoft Dynamics that can say why every value is what it is."""

from dynsync.errors import ConfigurationError, SyncError
from dynsync.sync import Sync

__all__ = ["ConfigurationError", "Sync", "SyncError"]
