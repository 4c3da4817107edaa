"""Authentication-Results: what checks found out, written for those behind us and read from those before. # RFC 8601

Called by the rooms that check letters (write.field, remove.ours) and by ARC and filters (read.parse).
Never believes a field: whose word counts is for the caller to settle.
Fails with read.BadResults for a text that cannot be read; writing cannot fail.
"""
