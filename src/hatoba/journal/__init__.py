"""Every event once: forms of the events, a letter's timeline, search, retention."""
