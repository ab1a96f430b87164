"""Captures of a trading network as another firm would make them, with labels.

Nothing here imports airnet: what is shared is the wire formats (RFC 791, 793, 768, 792,
FIX 4.4, pcap, pcapng) and nothing else.
"""
