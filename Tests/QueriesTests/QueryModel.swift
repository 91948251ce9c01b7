// A log beside a plain array of its records, and the answers that the array gives.

import Disk
import EventLog
import Records
import Segments
import Simulation
import TestSupport

@testable import EventLog
@testable import Queries

struct ModelRow {
    var topic: String
    var partition: String
    var index: UInt64
    var commit: UInt64
    var record: ModelRecord
}

struct QueryModel {
    let disk = SimulatedFileSystem()
    private(set) var writer: LogWriter
    private(set) var shared: SharedIndex
    private let configuration: LogConfiguration
    private let encoder = BlockEncoder()
    private(set) var rows: [ModelRow] = []

    init(_ change: (inout LogConfiguration) -> Void = { _ in }) throws {
        var configuration = LogConfiguration()
        configuration.segmentByteCountMax = 6000
        configuration.tailRowCountMax = 12
        configuration.shortRowCount = 4
        change(&configuration)
        (writer, shared, _) = try InferenceLog.openWriter(configuration, on: disk)
        self.configuration = configuration
    }

    /// Stops in order, which rolls what is in memory, and opens the log again.
    mutating func restart() throws {
        try writer.sealActive()
        writer.end()
        (writer, shared, _) = try InferenceLog.openWriter(configuration, on: disk)
    }

    var snapshot: LogSnapshot { shared.snapshot() }

    mutating func append(
        _ records: [ModelRecord], topic: String = "fraud", partition: String = "engine", isSmall: Bool = false
    ) throws {
        let batch = RecordBatch(records)
        let receipt = try writer.commit([
            isSmall
                ? .small(batch, AppendSource(topic: topic, partition: partition))
                : .columns(encoder.encode(batch, topic: topic, partition: partition))
        ])
        for (number, record) in records.enumerated() {
            rows.append(
                ModelRow(
                    topic: topic, partition: partition, index: receipt.spans[0].firstIndex + UInt64(number),
                    commit: receipt.commit, record: record))
        }
    }

    /// A random commit: a column block or a few records, of one of two topics and three partitions.
    mutating func appendRandom(_ generator: inout SeededGenerator, at number: Int) throws {
        let isSmall = Int.random(in: 0..<3, using: &generator) > 0
        // Mostly in order; sometimes late.
        let time = 1_700_000_000_000 + Int64(number) * 50 - (number % 7 == 0 ? 900 : 0)
        try append(
            generator.records(count: isSmall ? Int.random(in: 1...3, using: &generator) : 15, near: time),
            topic: number % 4 == 0 ? "churn" : "fraud",
            partition: ["engine", "edge-1", "edge-2"][Int.random(in: 0..<3, using: &generator)],
            isSmall: isSmall)
    }

    /// Puts the blocks of sealed segments together in groups.
    /// - Returns: how many segments were made anew.
    func regroup() throws -> Int {
        try writer.compact().report.rewriteCount
    }

    // MARK: The array's answers

    static func keeps(_ filter: RecordFilter, _ row: ModelRow) -> Bool {
        if let partitions = filter.partitions, !partitions.contains(row.partition) { return false }
        if let name = filter.modelName {
            guard row.record.fields["metadata.last_model"] == .text(#"{"model_name":"\#(name)"}"#) else {
                return false
            }
        }
        if let version = filter.pipelineVersion {
            guard row.record.fields["metadata.pipeline_version"] == .text(version) else { return false }
        }
        return true
    }

    func rows(topic: String, _ window: TimeWindow, _ filter: RecordFilter, cut: UInt64) -> [ModelRow] {
        rows.filter { row in
            row.topic == topic && row.commit <= cut && Self.keeps(filter, row)
                && window.start.microseconds <= row.record.time * 1000
                && row.record.time * 1000 < window.end.microseconds
        }
    }

    func values(_ query: WindowQuery, cut: UInt64) -> [NumberAtTime] {
        rows(topic: query.topic, query.window, query.filter, cut: min(cut, query.cut ?? .max)).sorted {
            ($0.record.time, $0.partition, $0.index) < ($1.record.time, $1.partition, $1.index)
        }.map {
            NumberAtTime(
                $0.record.time,
                $0.record.fields[query.path.recordField]?.number(element: query.path.element) ?? .nan)
        }
    }
}

/// A number of an answer. NaN equals itself.
struct NumberAtTime: Hashable, Comparable {
    var time: Int64
    var bits: UInt64

    init(_ time: Int64, _ value: Double) {
        self.time = time
        bits = value.isNaN ? Double.nan.bitPattern : value.bitPattern
    }

    static func < (left: NumberAtTime, right: NumberAtTime) -> Bool {
        left.time == right.time ? left.bits < right.bits : left.time < right.time
    }
}

extension ColumnValues {
    /// As they are answered.
    var rows: [NumberAtTime] { zip(times, values).map { NumberAtTime($0, $1) } }

    /// Where those of one time have no order.
    var numbers: [NumberAtTime] { rows.sorted() }
}

extension RecordRows {
    var texts: [String] { rows.map { batches[$0.batch].recordTexts[$0.row] } }
}

extension TimeWindow {
    /// Milliseconds.
    init(_ start: Int64, _ end: Int64) {
        self.init(start: Timestamp(milliseconds: start), end: Timestamp(milliseconds: end))
    }
}
