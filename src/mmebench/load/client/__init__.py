"""One client process: connections, what is sent when, what is recorded."""
