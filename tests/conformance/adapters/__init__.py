"""One module an actuator; see tests/conformance/role.py."""
