"""The only code that speaks bpf(2), netlink and ethtool; it knows no stage."""
