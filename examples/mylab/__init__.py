"""A package outside seqlab: what a lab of its own adds to it."""
