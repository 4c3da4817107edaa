"""The ManageSieve door: a person's Sieve scripts, put, checked, listed and chosen. # RFC 5804"""
