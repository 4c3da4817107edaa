"""POP3, server side: engine, grammar, replies and dot-stuffed content. # RFC 1939"""
