"""Conditions of segments as SQL over `subscribers`. Whatever people wrote is a bound parameter."""
