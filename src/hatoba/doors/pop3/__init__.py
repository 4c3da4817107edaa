"""The POP3 doors: pop3 and pop3s; one small file for commands of a kind. # RFC 1939"""
