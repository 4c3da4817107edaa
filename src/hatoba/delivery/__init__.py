"""Delivery: from a recipient's address to what became of it: route, walk, speak, tell. Never touches a queue's rows."""
