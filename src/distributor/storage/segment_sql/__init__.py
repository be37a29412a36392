"""Conditions of segments as SQL over `subscribers`. All input is in bound parameters."""
