"""SMTP and LMTP, both sides: grammar, states and engines.  # RFC 5321, RFC 2033"""
