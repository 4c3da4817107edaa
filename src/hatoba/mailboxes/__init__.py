"""Mailboxes: where delivered letters are read: what a session sees of a box, searched, sorted, threaded, told."""
