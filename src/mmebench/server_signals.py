"""What ``mmebench serve`` does on a signal, and on no request: nobody but its own user can send one."""

import signal

DEPLOY = signal.SIGUSR1
"""Put new instances in the place of all."""
