"""Finished runs beside each other: what differs, what came out, and how sure that is."""
