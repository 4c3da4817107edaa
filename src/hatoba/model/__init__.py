"""The values every room speaks: Address, Envelope, Letter, Status, Verdict, Outcome, Event."""
