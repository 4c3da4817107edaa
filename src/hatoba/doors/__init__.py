"""Doors: where clients are answered, one room a protocol; each translates Status into its protocol's words."""
