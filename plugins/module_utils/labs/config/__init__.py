"""From what people write, lab files and rosters, to data."""
