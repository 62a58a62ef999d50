"""Pure translation at the two borders."""
