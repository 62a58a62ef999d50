"""Which record of the CRM an account of billing is.

An org is never empty. An account is linked to the record that fits exactly by the policy's keys, tried in order; where
several fit a person is asked, by a case; where none fits it is made, waited for or asked about. What was found is kept
(``ledger/links``) before anything is written, so that no record becomes two accounts', and is not looked for again
until the record is gone.

``names.py``: when two names mean the same; ``records.py``: what is read; ``searching.py``: asking by each key;
``choosing.py``: from what fits to a link; ``linker.py``: for many accounts; ``named.py``: what a duplicate rule names;
``held.py``: what is written meanwhile; ``watching.py``: what people did; ``by_hand.py``: what an operator says.
"""

from connector.sync.linking.linker import Linker
from connector.sync.linking.unlink_cleanup import without_account

__all__ = ["Linker", "without_account"]
