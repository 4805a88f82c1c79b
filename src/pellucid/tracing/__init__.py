"""Seeing a network at work: its layers as they ran."""
