"""From the commit to the last outcome: lanes per destination site, lease, back-off, settlement, the operator's hand."""
