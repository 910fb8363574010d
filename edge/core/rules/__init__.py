"""Rules: each judges scenes and says what it found. `table` lists them."""
