"""Telling people; channels come later."""
