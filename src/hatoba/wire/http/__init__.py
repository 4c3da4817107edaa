"""HTTP/1.1 as a client hears it: responses out of bytes. # RFC 9112"""
