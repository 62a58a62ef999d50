"""Output of commands for people, programs and spreadsheets."""
