"""Exports telemetry with OpenTelemetry's own SDK, and prints how each export ended.

The first argument is JSON: transport ("grpc" or "http"), endpoint, compression, count, headers, ca, cert, key, timeout.
"""

import importlib
import json
import logging
import sys

from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

RESOURCE = Resource.create({"service.name": "shop"})


def spans(count):
    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("checkout", "1.2")
    for n in range(count):
        with tracer.start_as_current_span(f"span {n}", attributes={"n": n, "half": n / 2, "ok": True, "tags": ["a", "b"]}):
            pass
    return memory.get_finished_spans()


def logs(count):
    memory = InMemoryLogRecordExporter()
    provider = LoggerProvider(resource=RESOURCE)
    provider.add_log_record_processor(SimpleLogRecordProcessor(memory))
    logger = logging.getLogger("checkout")
    logger.propagate = False
    logger.addHandler(LoggingHandler(logger_provider=provider))
    for n in range(count):
        logger.warning("line %d", n)
    return memory.get_finished_logs()


def metrics(count):
    reader = InMemoryMetricReader()
    provider = MeterProvider(resource=RESOURCE, metric_readers=[reader])
    meter = provider.get_meter("checkout")
    for n in range(count):
        meter.create_counter(f"counter-{n}").add(n + 1, {"n": n})
    meter.create_histogram("sizes").record(7.5)
    return reader.get_metrics_data()


def exporter(options, signal, name):
    module = importlib.import_module(f"opentelemetry.exporter.otlp.proto.{options['transport']}.{signal}")
    arguments = {"headers": options.get("headers"), "timeout": options.get("timeout", 60)}
    if options["transport"] == "grpc":
        import grpc

        gzip = grpc.Compression.Gzip
        none = grpc.Compression.NoCompression
        arguments["endpoint"] = options["endpoint"]
        if "ca" in options:
            files = (options.get(file) for file in ("ca", "key", "cert"))
            contents = [open(file, "rb").read() if file else None for file in files]
            arguments["credentials"] = grpc.ssl_channel_credentials(*contents)
        else:
            arguments["insecure"] = True
    else:
        compression = importlib.import_module("opentelemetry.exporter.otlp.proto.http").Compression
        gzip, none = compression.Gzip, compression.NoCompression
        path = {"trace_exporter": "traces", "_log_exporter": "logs", "metric_exporter": "metrics"}[signal]
        arguments["endpoint"] = f"{options['endpoint']}/v1/{path}"
        arguments["certificate_file"] = options.get("ca")
        arguments["client_certificate_file"] = options.get("cert")
        arguments["client_key_file"] = options.get("key")
    arguments["compression"] = gzip if options.get("compression") == "gzip" else none
    return getattr(module, name)(**arguments)


def main():
    options = json.loads(sys.argv[1])
    count = options.get("count", 3)
    print("traces", exporter(options, "trace_exporter", "OTLPSpanExporter").export(spans(count)).name)
    print("logs", exporter(options, "_log_exporter", "OTLPLogExporter").export(logs(count)).name)
    print("metrics", exporter(options, "metric_exporter", "OTLPMetricExporter").export(metrics(count)).name)


main()
