"""Counts of the requests that a server answered, as Prometheus reads them."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from vatt.search.index import Index

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Counters:
    """Of one server; any number of threads may count."""

    def __init__(self, index: Index):
        self._all = CollectorRegistry()
        self._requests = Counter(
            "vatt_requests", "Requests, by address and status.", ("address", "status"), registry=self._all
        )
        self._seconds = Histogram(
            "vatt_request_seconds",
            "Seconds until the answer began.",
            ("address",),
            buckets=_SECONDS,
            registry=self._all,
        )
        Gauge("vatt_index_windows", "Windows of the index.", registry=self._all).set(index.rows)

    def count(self, address: str, status: int, seconds: float) -> None:
        """Counts a request; `address` is the name of what answered, "none" for no address of ours."""
        self._requests.labels(address, str(status)).inc()
        self._seconds.labels(address).observe(seconds)

    def shown(self) -> tuple[bytes, str]:
        """(text, its content type)."""
        return generate_latest(self._all), CONTENT_TYPE_PLAIN_0_0_4
