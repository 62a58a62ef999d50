"""The faults by area. An entry follows its source: ``make mutants ARGS=--check`` names those that no longer fit."""

from __future__ import annotations

from bench.mutants.lists.decisions import DECISIONS
from bench.mutants.lists.ledger import LEDGER
from bench.mutants.lists.mappers import MAPPERS
from bench.mutants.lists.outside import OUTSIDE

MUTANTS = (*LEDGER, *MAPPERS, *OUTSIDE, *DECISIONS)
