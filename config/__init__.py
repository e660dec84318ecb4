"""Everything a person may want to change without reading code."""
