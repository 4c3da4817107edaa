"""The DKIM keys of domains: made, kept sealed, changed over time, and ready to sign with."""
