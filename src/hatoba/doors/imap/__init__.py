"""The IMAP door: mailboxes read and kept in order by mail clients; a file for each command."""
