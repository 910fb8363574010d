"""Pure: people, tracks, stays, rules, events."""
