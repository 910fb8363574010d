"""Pure: states, rights, conditions."""
