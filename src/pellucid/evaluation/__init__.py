"""Judging answers: accuracy with its interval, per class, confusion, calibration, worst mistakes."""
