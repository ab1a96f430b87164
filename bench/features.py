"""Bench of ext/window.pyx: HEADER and MESSAGE rows into WINDOW rows."""

from inputs import Input

from airnet.features import Windows

given = Input()
sessions = given.array("sessions")
stage = Windows(given.gateways(), [])
count = 0
for headers, messages in given.batches():
    at = 0
    while at < len(headers):
        at += stage.update(headers[at:], messages)
    count += len(headers)
print(count)
