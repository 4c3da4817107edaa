"""Everything that waits on the network: the pump, TLS, DNS, listening, dialling, shared limits, headroom."""
