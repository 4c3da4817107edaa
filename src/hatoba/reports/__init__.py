"""Reports of domains to each other: what we counted about others' mail is told them, what they tell is kept."""
