"""Sieve: a person's rules for arriving mail, compiled and run by value. # RFC 5228

`script.compile` reads a script, `engine.run` runs it over a letter and says what is to be done; nothing is done here.
"""
