"""fal's cloud on one machine: its gRPC controller, its REST service and one runner.

`Loopback` is what fal's own command line talks to when a test says `cloud.fal("run", ...)`. The
environment is built by isolate, fal's own engine, as a fresh virtual environment that holds the
requirements asked for and nothing else; the app's files land in `/app`, a path fixed in fal, of the
runner's own root directory where this user may make a mount namespace. It runs one app at a time on
a machine, on fal's fixed port 8080.
"""

from tests.loopback.app_directory import AppDirectoryTaken
from tests.loopback.cloud import FalProcess, Loopback
from tests.loopback.records import Registration, Upload

__all__ = ["AppDirectoryTaken", "FalProcess", "Loopback", "Registration", "Upload"]
