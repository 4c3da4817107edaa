"""DKIM (RFC 6376, 8301, 8463, 8616): sign and verify; RSA-SHA256 and Ed25519-SHA256, nothing with SHA-1."""
