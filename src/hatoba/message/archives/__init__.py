"""Archive formats, one a file: each gives the members of an archive, inflated within a budget."""
