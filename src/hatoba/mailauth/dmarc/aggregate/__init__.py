"""Aggregate reports of DMARC: which hosts send in a domain's name, and what becomes of the letters. # RFC 9990"""
