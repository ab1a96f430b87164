"""act: Decisions in force, on the switch and at the order gateway, and out again."""
