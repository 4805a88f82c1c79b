"""What was seen of a run: frozen facts that rules are pure functions of."""
