// `GET /metrics`: what the server did and does, in the Prometheus text format, version 0.0.4.
//
// Invariants:
//  * Every name has its HELP and TYPE before its first sample; a histogram's buckets are cumulative.
//  * Names of topics and partitions are escaped: a client chose them.

import EventLog
import HTTPTypes
import Hummingbird
import Store

struct MetricsRoutes {
    let store: InferenceStore
    let budget: BodyBudget

    var routes: [Route] { [.get("/metrics", metrics)] }

    @Sendable func metrics(_ request: Request, _ context: APIContext) async throws -> Response {
        let text = text(unprovenResultCount: await unprovenResultCount())
        return Response(bytes: Array(text.utf8), contentType: "text/plain; version=0.0.4; charset=utf-8")
    }

    /// The first look passes over all events there are, on a thread that nobody else's answer waits for.
    private func unprovenResultCount() async -> Int {
        if let known = store.knownUnprovenResultCount { return known }
        return await withTaskExecutorPreference(LongWork.requests) { [store] in store.unprovenResultCount }
    }

    private func text(unprovenResultCount: Int) -> String {
        var page = MetricsPage()
        page.add(store.log.metrics)
        page.add(store.log.snapshot().index)
        page.add(
            "assaylog_unproven_results",
            "Sealed results that are not what was decided, as was found when their records went.", .gauge,
            Double(unprovenResultCount))
        let backfill = store.backfillFigures
        page.add(
            "assaylog_backfill_assays", "Assays with complete windows that are not analysed yet.", .gauge,
            Double(backfill.assayCount))
        page.add(
            "assaylog_backfill_windows",
            "Complete windows up to the newest record that are not analysed yet, empty ones too, over all assays.",
            .gauge, Double(backfill.windowCount))
        page.add(
            "assaylog_read_only", "1 while the disk refuses appends.", .gauge,
            store.log.state == .serving ? 0 : 1)
        let bodies = budget.figures
        page.add(
            "assaylog_body_bytes", "Bytes of request bodies held now.", .gauge, Double(bodies.byteCount))
        page.add(
            "assaylog_refused_bodies_total", "Requests refused because too many bodies were held.", .counter,
            Double(bodies.refusalCount))
        return page.text
    }
}

extension MetricsPage {
    /// What the log's writer did since the start, and what waits for it.
    fileprivate mutating func add(_ metrics: LogMetrics) {
        let topics = metrics.topics.sorted { $0.key < $1.key }
        add(
            "assaylog_appended_records_total", "Records appended since the start.", .counter,
            topics.map { ([("topic", $0.key)], Double($0.value.recordCount)) })
        add(
            "assaylog_appended_bytes_total", "Bytes of appended records as they were written.", .counter,
            topics.map { ([("topic", $0.key)], Double($0.value.byteCount)) })
        add(
            "assaylog_ahead_records_total",
            "Of the appended records, those in blocks with a time more than a day ahead of the clock.",
            .counter,
            topics.map { ([("topic", $0.key)], Double($0.value.aheadRecordCount)) })
        add("assaylog_commits_total", "Envelopes committed.", .counter, Double(metrics.envelopes.count))
        add("assaylog_envelope_bytes", "Bytes of an envelope.", metrics.envelopes)
        add("assaylog_sync_seconds", "What the sync of an envelope takes.", metrics.syncs)
        add(
            "assaylog_written_bytes_total", "Bytes that commits wrote to segments.", .counter,
            Double(metrics.writtenByteCount))
        add(
            "assaylog_column_bytes_total",
            "Bytes of final columns among them; the ratio is the write amplification.", .counter,
            Double(metrics.columnByteCount))
        add(
            "assaylog_rewritten_bytes_total", "Bytes of the segments that rewriting wrote besides.", .counter,
            Double(metrics.rewrittenByteCount))
        add(
            "assaylog_waiting_bytes", "Bytes of appends that wait for the disk.", .gauge,
            Double(metrics.waitingByteCount))
        add(
            "assaylog_waiting_requests", "Appends that wait for the disk.", .gauge,
            Double(metrics.waitingCount))
        add(
            "assaylog_refused_requests_total", "Appends refused, by source and reason.", .counter,
            metrics.refusals.map { refusal, count in
                let labels = [
                    ("topic", refusal.source.topic), ("partition", refusal.source.partition),
                    ("reason", refusal.reason.rawValue),
                ]
                return (labels, Double(count))
            }.sorted { $0.0.map(\.1).lexicographicallyPrecedes($1.0.map(\.1)) })
        add(
            "assaylog_replayed_requests_total", "Retries answered with what an earlier request stored.",
            .counter, Double(metrics.replayCount))
        add(
            "assaylog_idempotency_keys", "Idempotency keys remembered.", .gauge, Double(metrics.keyCount))
    }

    /// What the log holds now.
    fileprivate mutating func add(_ index: LogIndex) {
        add(
            "assaylog_tail_records", "Records of small appends that are not columns yet.", .gauge,
            index.topics.sorted { $0.key < $1.key }.map { name, topic in
                let rows = topic.tails.values.joined().reduce(0) { $0 + $1.batch.rowCount }
                return ([("topic", name)], Double(rows))
            })
        add(
            "assaylog_erasure_pending_segments",
            "Segments that hold what was deleted or redacted; for long only where damage stops it.", .gauge,
            Double(index.pendingErasures.count))
        add("assaylog_commit", "The last durable commit.", .gauge, Double(index.cut))
    }
}

/// The text of a page of metrics.
struct MetricsPage {
    enum Kind: String {
        case counter
        case gauge
    }

    private(set) var text = ""

    mutating func add(_ name: String, _ help: String, _ kind: Kind, _ value: Double) {
        add(name, help, kind, [([], value)])
    }

    mutating func add(
        _ name: String, _ help: String, _ kind: Kind, _ samples: [(labels: [(String, String)], value: Double)]
    ) {
        begin(name, help, kind.rawValue)
        for sample in samples { line(name, sample.labels, sample.value) }
    }

    mutating func add(_ name: String, _ help: String, _ histogram: Histogram) {
        begin(name, help, "histogram")
        var count: UInt64 = 0
        for (bound, own) in zip(histogram.bounds, histogram.counts) {
            count += own
            line(name + "_bucket", [("le", MetricsPage.number(bound))], Double(count))
        }
        line(name + "_bucket", [("le", "+Inf")], Double(histogram.count))
        line(name + "_sum", [], histogram.sum)
        line(name + "_count", [], Double(histogram.count))
    }

    private mutating func begin(_ name: String, _ help: String, _ type: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    private mutating func line(_ name: String, _ labels: [(String, String)], _ value: Double) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0)=\"\(MetricsPage.escaped($1))\"" }.joined(separator: ",") + "}"
        }
        text += " \(MetricsPage.number(value))\n"
    }

    private static func number(_ value: Double) -> String {
        Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    }

    private static func escaped(_ label: String) -> String {
        var text = ""
        for scalar in label.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
