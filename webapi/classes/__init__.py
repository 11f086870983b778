"""Classes as teachers see them, made out of their runs."""
