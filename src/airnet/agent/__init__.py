"""agent: what holds one algorithm's process back on the trading host it runs on.

It does what the sensor asks of processes that its own configuration names, and of no
other, for as long as a lease says. It stands alone: no capture, no models, no policy.
"""
