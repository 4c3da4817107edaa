"""Letters about letters: delivery status notifications. Composes only; the queue seals and sends what is made here."""
