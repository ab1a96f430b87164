"""airnet: autonomous incident response for high-frequency-trading networks."""

__version__ = "0.1.0"
