"""Bulk API 2.0: rows come and go as CSV, in jobs that are worked between the calls about them."""
