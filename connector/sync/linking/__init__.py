"""Linking: which Salesforce record a billing account is.

An org has records already. An account is linked to the record that matches exactly by the policy's keys, tried in
order. If several match, a case asks a person; if none matches, a record is created, awaited or asked for. The link is
saved (``ledger/links.py``) before anything is written, so that no record belongs to two accounts, and is not searched
again while the record exists.
"""

from connector.sync.linking.linker import Linker
from connector.sync.linking.unlink_cleanup import without_account

__all__ = ["Linker", "without_account"]
