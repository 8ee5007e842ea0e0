"""Merge the Prometheus metrics of all replicas into one scrape."""

from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from nearfar.service.observability import Metrics

REPLICA: Final = "replica"
"""The label that names a replica."""


class ReplicaMetrics(Metrics):
    """Metrics of one replica, which answers `/metrics` for all.

    Args:
        gather: returns the metrics of each replica in text format, by its name.
    """

    def __init__(self, gather: Callable[[], Coroutine[Any, Any, Mapping[str, bytes]]]) -> None:
        super().__init__()
        self._gather = gather

    async def scrape(self) -> bytes:
        """Return the metrics of all replicas."""
        return merged(await self._gather())


def merged(texts: Mapping[str, bytes]) -> bytes:
    """Merge the metrics of replicas.

    They are distinguished by a label, and not summed: a sum would decrease when a replica stops,
    which Prometheus would interpret as a restart.

    Args:
        texts: name of a replica -> its metrics, in Prometheus's text format.

    Returns:
        The same format; each sample has the label `replica`.
    """
    families: dict[str, Metric] = {}
    for replica, text in sorted(texts.items()):
        for parsed in text_string_to_metric_families(text.decode()):
            family = families.setdefault(
                parsed.name, Metric(parsed.name, parsed.documentation, parsed.type)
            )
            for sample in parsed.samples:
                labels = {**sample.labels, REPLICA: replica}
                family.add_sample(sample.name, labels, sample.value)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(families.values()))
    return generate_latest(registry)


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families
