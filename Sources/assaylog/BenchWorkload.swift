// What `assaylog bench` asks about: the month of a small fleet, the same bytes in each run.

import Bytes
import Catalog
import EventLog
import Glibc
import JSON
import Queries
import Records
import Store
import Summaries

/// The generated month.
struct Workload: Sendable {
    /// 2026-01-01T00:00:00Z, in milliseconds.
    static let start: Int64 = 1_767_225_600_000
    /// Thirty days.
    static let span: Int64 = 30 * 86_400_000

    let pipelineCount: Int
    let recordCount: Int
    let decimals: Bool

    static let settings: SummarizerSettings = {
        do { return try SummarizerSettings(JSONField(try JSONValue(parsing: settingsText))) } catch {
            preconditionFailure("The benchmark's own settings are valid: \(error)")
        }
    }()

    private static let settingsText = """
        {"type":"UnivariateContinuous","bin_mode":"Quantile","aggregation":"Density","metric":"PSI","num_bins":5}
        """

    static func name(_ pipeline: Int) -> String { "bench-\(pipeline)" }

    static func topic(_ pipeline: Int) -> String { "workspace-1-pipeline-bench-\(pipeline)-inference" }

    func pipeline(_ commit: Int) -> Int { commit % pipelineCount }

    /// An hourly assay of one output over the whole month, as its request.
    func assay(pipeline: Int, pipelineID: Int, path: String = "output dense_1 0") -> [UInt8] {
        let first = Timestamp(milliseconds: Workload.start).zuluText
        let last = Timestamp(milliseconds: Workload.start + Workload.span).zuluText
        return Array(
            """
            {"pipeline_id": \(pipelineID), "pipeline_name": "\(Workload.name(pipeline))", "run_until": "\(last)",
             "baseline": {"fixed_window": {"pipeline_name": "\(Workload.name(pipeline))", "width": "24 hours",
                          "start": "\(first)", "path": "\(path)"}},
             "window": {"pipeline_name": "\(Workload.name(pipeline))", "width": "1 hour", "start": "\(first)",
                        "path": "\(path)"},
             "summarizer": \(Workload.settingsText)}
            """.utf8)
    }

    /// Why what a store holds was made with other options, as far as it shows; nil where it may be this workload's.
    /// More records are no sign: assays and bodies of JSON are measured by appending.
    func difference(from store: InferenceStore, rows: Int) -> String? {
        let found = store.view.catalog.pipelines.all.count
        let count = store.log.snapshot().index.topics.values.reduce(0) { $0 + $1.rowCount }
        let made = "was made with other options: it holds"
        guard found == pipelineCount, count >= recordCount / rows * rows else {
            return "\(made) \(Quantity.of(count, "record")) of "
                + "\(Quantity.of(found, "pipeline")); the questions are of --records \(recordCount) and "
                + "--pipelines \(pipelineCount)"
        }
        guard let stored = Self.hasDecimals(store), stored != decimals else { return nil }
        return "\(made) inputs as " + (stored ? "--decimals makes them" : "they are without --decimals")
    }

    /// The partition of what `append` makes: JSON bodies, which are always of decimals, go to another.
    static let partition = "bench"

    /// Whether the inputs that a store holds are decimals; nil where none is seen.
    private static func hasDecimals(_ store: InferenceStore) -> Bool? {
        let oldest = try? RecordScan(store.view.snapshot).window(
            topic: topic(0), .always, filter: RecordFilter(partitions: [partition]), limit: 1)
        let inputs = oldest?.batches.lazy.flatMap(\.fields).first { $0.name == "in.dense_input" }
        guard case .fixedList(let leaves)? = inputs?.values, let leaf = leaves.first else { return nil }
        if case .float64 = leaf.elements { return true }
        return false
    }

    /// The records of one commit.
    func batch(_ commit: Int, rows: Int) -> RecordBatch {
        var generator = SplitMix64(seed: UInt64(commit) &* 0x9E37_79B9)
        let step = Double(Workload.span) / Double(recordCount)
        let times = (0..<rows).map { row in
            // Batches of the pipelines come round robin; a pipeline's records are evenly spread.
            let position = (commit / pipelineCount) * rows + row
            return Workload.start + Int64(Double(position * pipelineCount + commit % pipelineCount) * step)
        }
        let inputs = (0..<29).map { _ -> Leaf in
            if decimals {
                return Leaf(.float64((0..<rows).map { _ in (generator.normal() * 1e10).rounded() / 1e10 }))
            }
            return Leaf(.float32((0..<rows).map { _ in Float(generator.normal()) }))
        }
        let output = Leaf(.float32((0..<rows).map { _ in Float(exp(generator.normal() - 7)) }))
        let elapsed = [5_000_000, 600_000].map { base in
            Leaf(.int64((0..<rows).map { _ in base + Int64(generator.next() % 100_000) }))
        }
        func constant(_ text: String) -> FieldValues {
            .scalar(Leaf(.text(TextColumn(repeating: text, count: rows))))
        }
        return RecordBatch(
            times: times,
            fields: [
                FieldColumn(name: "in.dense_input", values: .fixedList(inputs)),
                FieldColumn(name: "out.dense_1", values: .fixedList([output])),
                FieldColumn(name: "check_failures", values: .fixedList([])),
                FieldColumn(
                    name: "metadata.last_model",
                    values: constant(
                        #"{"model_name":"bench","model_sha":"bc85ce596945f876256f41515c7501c399fd97ebcb9ab3dd41bf03f8937b4507"}"#
                    )),
                FieldColumn(
                    name: "metadata.pipeline_version",
                    values: constant("2f4bf3ac-48bb-4798-b59a-81de844248d1")),
                FieldColumn(name: "metadata.elapsed", values: .fixedList(elapsed)),
                FieldColumn(name: "metadata.dropped", values: .fixedList([])),
                FieldColumn(name: "metadata.partition", values: constant("engine-b4789c964-cnjjb")),
            ])
    }
}

extension SplitMix64 {
    /// A normal deviate by Box and Muller.
    mutating func normal() -> Double {
        let first = Double.random(in: Double.leastNonzeroMagnitude...1, using: &self)
        let second = Double.random(in: 0..<1, using: &self)
        return (-2 * log(first)).squareRoot() * cos(2 * Double.pi * second)
    }
}
