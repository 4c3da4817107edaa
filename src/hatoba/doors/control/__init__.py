"""The operator's door: a Unix socket per worker, one JSON object a line each way; only the data's owner may enter."""
