"""A log as it grows, or a whole one: lines in, alerts out, scored by a trained log model."""
