"""One transaction: sender, recipients, content checks, trace; what comes out is a Letter."""
