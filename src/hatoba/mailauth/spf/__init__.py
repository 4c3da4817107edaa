"""SPF: may this address send mail for this domain? # RFC 7208

Called by the rooms that check letters: check.mail_from and check.helo; record.parse by who shows a domain's DNS.
Never asks the DNS itself, reads no clock: questions go out by value (mailauth.questions), `now` is an argument.
Fails never on what a sender or a domain's owner can write: that is a result, permerror or temperror.
"""
