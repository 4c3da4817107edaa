"""DANE for SMTP: TLSA records found, judged, and matched with the certificates a host shows. # RFC 6698, RFC 7672"""
