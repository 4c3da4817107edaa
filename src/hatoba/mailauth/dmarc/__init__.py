"""DMARC: whether a letter comes from the domain its From shows, and what that domain asks for when it does not."""
