"""One scrape for all replicas: each tells its own figures, under its own name."""

from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from nearfar.service.observability import Metrics

REPLICA: Final = "replica"
"""The label that names a replica."""


class ReplicaMetrics(Metrics):
    """Counters of one replica, which answers `/metrics` for all.

    Args:
        gather: gives the text of each replica, by its name.
    """

    def __init__(self, gather: Callable[[], Coroutine[Any, Any, Mapping[str, bytes]]]) -> None:
        super().__init__()
        self._gather = gather

    async def scrape(self) -> bytes:
        """Ask all replicas, and give what they tell."""
        return merged(await self._gather())


def merged(texts: Mapping[str, bytes]) -> bytes:
    """Put the figures of replicas together.

    They are told apart, not added up: a sum would fall when a replica goes, and Prometheus would
    take that for a restart.

    Args:
        texts: name of a replica -> its figures, in Prometheus's text format.

    Returns:
        The same format; each sample has the label `replica`.
    """
    families: dict[str, Metric] = {}
    for replica, text in sorted(texts.items()):
        for told in text_string_to_metric_families(text.decode()):
            family = families.setdefault(
                told.name, Metric(told.name, told.documentation, told.type)
            )
            for sample in told.samples:
                labels = {**sample.labels, REPLICA: replica}
                family.add_sample(sample.name, labels, sample.value)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Told(families.values()))
    return generate_latest(registry)


class _Told(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families
