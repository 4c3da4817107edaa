"""The lodge all doors share: SASL exchanges, passwords checked in a thread, failures slowed and locked out."""
