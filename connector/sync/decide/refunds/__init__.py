"""What is true of a refund: whether the policy allows it, whether it is to be reviewed, whether it meets a dispute."""
