"""Messages, topics, codec."""
