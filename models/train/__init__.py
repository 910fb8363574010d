"""How Gatehouse's own person detector is made: prepare, fit, export. Nothing here runs on a camera."""
