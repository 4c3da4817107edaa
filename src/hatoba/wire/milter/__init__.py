"""The milter protocol, version 6: our side as the mail server that asks a filter."""
