"""How Gatehouse's own person detector is made: prepare, fit, export, quantize. Nothing here runs on a camera."""
