"""HTTP/1.1 as far as files of a few lines need it: requests in, responses out. # RFC 9112"""
