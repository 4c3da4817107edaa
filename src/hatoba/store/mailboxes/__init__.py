"""Mailboxes on disk: shards of their own beside the spool's, and what can be done with the letters in them.

Called by the mailboxes room through `stores.MailStore`; modules are nouns: boxes, messages, contents, search, scripts.
Never decides who may do a thing and never speaks IMAP: flags and names come as text and go as text.
Fails with `trouble.StoreTrouble` (temporary) and the refusals of `refusals`, which say why a change cannot be.
"""
