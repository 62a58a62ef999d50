"""What can happen to an account: each function changes the objects and announces what Recurly would announce."""
