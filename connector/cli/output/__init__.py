"""How commands show what they found: to people, to programs and to spreadsheets."""
