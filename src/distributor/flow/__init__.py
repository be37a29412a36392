"""The verbs. Each joins storage with sources and channels; steps hand over through rows, never by import."""
