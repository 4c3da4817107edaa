"""Domains, accounts and credentials: who lives here, who may say so, who may send as whom."""
