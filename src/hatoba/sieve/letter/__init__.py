"""Letter: what tests see of a message: fields, addresses, dates, parts, text; and the fields that a script changes."""
