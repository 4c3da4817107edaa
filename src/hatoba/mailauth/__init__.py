"""SPF, DKIM, DMARC, ARC and TLS policies judged by value: DNS questions out, answers in. No IO, clock or chance."""
