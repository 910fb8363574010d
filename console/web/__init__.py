"""Pages and API; the one authorisation table is in access."""
