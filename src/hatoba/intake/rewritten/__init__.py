"""Rewritten: what rewriting has made of one letter, as values that a Case carries."""
