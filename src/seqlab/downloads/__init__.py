"""Public data sets: where they lie, how they are fetched, checked and unpacked."""
