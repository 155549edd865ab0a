// Exports spans as OTLP/JSON, compressed, with OpenTelemetry's exporter for Node, and prints how it ended.
// Arguments: the endpoint, the number of spans.
const [endpoint, count] = process.argv.slice(2);
const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-http");
const { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } = require("@opentelemetry/sdk-trace-base");

const memory = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(memory)] });
const tracer = provider.getTracer("checkout");
for (let n = 0; n < Number(count); n++) {
  const span = tracer.startSpan(`span ${n}`, { kind: 2, attributes: { n, half: n / 2, ok: true } });
  span.addEvent("an event", { big: Number.MAX_SAFE_INTEGER });
  span.end();
}
const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, compression: "gzip", timeoutMillis: 60_000 });
exporter.export(memory.getFinishedSpans(), (result) => {
  console.log(result.code === 0 ? "SUCCESS" : `FAILURE ${result.error}`);
  exporter.shutdown();
});
