"""record: what happened and why, in a form that nobody can change unseen."""
