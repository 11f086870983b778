"""A lab config becomes instances, their objects and a class that runs."""
