"""What a domain's owner must publish, what the DNS has instead, and the fix: records as values, DNS by value."""
