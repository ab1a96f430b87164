"""The controller: containments as OpenFlow 1.3 rules, in Ryu or os-ken."""
