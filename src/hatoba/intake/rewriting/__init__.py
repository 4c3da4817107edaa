"""Rewriting: addresses and header fields changed on their way in: aliases, lists, forwards, SRS, maps and rules."""
