"""Letters, recipients, events and the directory on disk: one writer per shard, group commit, blobs beside it.

Called by journal, directory, queue and app; the only room that holds SQL text or a file of ours.
Never decides about a letter and never waits on the network.
Fails with `trouble.StoreTrouble` (temporary: the mail stays with the peer) and its kin.
"""
