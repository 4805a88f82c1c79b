"""Judgements for which networks are trained again: cross-validation, learning curves, labels that look wrong."""
