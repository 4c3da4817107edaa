"""RFC 5322 and MIME as bytes: header scan, encoded words, parts, mailboxes, DSN forms. No IO, clock or chance."""
