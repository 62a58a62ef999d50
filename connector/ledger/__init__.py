"""The durable tables of all that was received, learnt and done. The ledger is the truth; the queue may be lost."""
