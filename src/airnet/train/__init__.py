"""Train: the shipped models, from generated networks, the same bytes every time."""
