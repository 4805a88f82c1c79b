"""The doctor: what is wrong with a network, why, and how to mend it."""
