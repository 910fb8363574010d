"""What edge and console agree on."""
