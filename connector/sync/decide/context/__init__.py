"""Questions about the facts of one account that several rules ask."""
