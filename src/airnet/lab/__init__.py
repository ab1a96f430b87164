"""The network we test and demonstrate on: namespaces, a switch, real FIX sessions."""
