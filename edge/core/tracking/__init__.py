"""Detections of successive frames -> tracks (stop 7)."""
