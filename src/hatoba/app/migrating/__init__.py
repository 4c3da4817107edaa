"""Migrating: an account's mail pulled from another IMAP server, resumable, into a sink that keeps it.

Called by `hatoba migrate imap`.
Never changes anything at the source: mailboxes are examined, not selected.
Fails with source.SourceTrouble and what the sink raises.
"""
