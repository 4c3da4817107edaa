"""The SMTP doors: mx, submission and submissions; one small file a verb, policies as data."""
