"""What ``salesforce/`` holds: read, packed for a deployment, compared with an org, and what to do after it."""
