"""From MQTT to committed rows."""
