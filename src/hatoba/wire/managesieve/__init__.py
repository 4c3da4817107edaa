"""ManageSieve, server side: engine, grammar and responses. # RFC 5804"""
