"""Stage 2: fetch the objects that events point to, store snapshots, match them to accounts, mark accounts due."""
