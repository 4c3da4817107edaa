"""What would make sense in a program without mail. Imports nothing of hatoba; does no IO, reads no clock."""
