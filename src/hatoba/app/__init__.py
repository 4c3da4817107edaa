"""Settings file to rooms: wiring, supervisor, worker and the verbs of the command line. No decision about mail."""
