"""HTTP doors. For now metrics and health, on loopback."""
