"""Matching: comparators, match types, wildcards and regular expressions, each linear in the text it reads."""
