"""What of the processors' APIs joining needs, each with its vendor's way of asking, refusing and naming errors."""
