"""Twin: labelled traffic of a trading network, from a seed."""
