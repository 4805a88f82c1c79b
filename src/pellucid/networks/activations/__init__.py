"""Activations: one file each, and the table that lists them."""

from pellucid.networks.activations.binary_step import BinaryStep
from pellucid.networks.activations.table import Activation, ActivationTable, activation, activations

__all__ = ["Activation", "ActivationTable", "BinaryStep", "activation", "activations"]
