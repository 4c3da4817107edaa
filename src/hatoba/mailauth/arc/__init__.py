"""ARC (RFC 8617): the chain of seals that forwarders leave on a letter, verified and continued."""
