"""Public data sets: where they lie, how they are fetched and checked, and how they are unpacked."""
