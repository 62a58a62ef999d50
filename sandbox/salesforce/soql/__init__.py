"""SOQL: text → tree (``grammar``), names → fields (``paths``), rows chosen (``filters``) and shaped (``select``)."""

from sandbox.salesforce.soql.run import Asked, Result, run

__all__ = ["Asked", "Result", "run"]
