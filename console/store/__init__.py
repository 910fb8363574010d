"""Tables and transactions; one file for each aggregate."""
