"""Run code that reads untrusted bytes in child processes, within limits."""

from nearfar.isolation.limits import Limits
from nearfar.isolation.pool import WorkerPool
from nearfar.isolation.process import Child

__all__ = ["Child", "Limits", "WorkerPool"]
