"""IMAP4rev1 and IMAP4rev2, the server's side: grammar, states, engine and answers.  # RFC 3501, RFC 9051"""
