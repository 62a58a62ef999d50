"""The REST API: ``/services/data/vXX.0/…``. One module for each resource, one table of routes."""
