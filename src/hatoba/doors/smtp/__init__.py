"""The SMTP doors: mx, submission, submissions and lmtp; one small file a verb, policies as data."""
