"""Running: the machine that runs a script, its tests and its commands, a file for each family."""
