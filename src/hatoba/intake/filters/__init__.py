"""The checks that ask: one a file, made once from settings by build, each with the stages it is asked at."""
