"""TLS-RPT: who wants to hear how TLS to a domain went, and the reports that say it. # RFC 8460"""
