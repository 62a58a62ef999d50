"""Detects what no single event shows: incidents at a gateway, silent sources, missing deliveries."""
