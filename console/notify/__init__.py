"""Tells people: from the outbox through apprise, or to a siren."""
