// `assaylog inspect`: what a data directory holds and what it costs: topics, segments, blocks, columns.

import ArgumentParser
import Catalog
import EventLog
import JSON
import Records
import Store

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show topics, segments, blocks and columns, and what they cost.",
        discussion: """
            Example:
              assaylog inspect
              assaylog inspect --segment 1

            Without --segment: each topic's partitions, records and bytes a record, then the segments.
            With it: the segment's blocks, and its columns with codecs and how much smaller than plain they
            are. A topic whose newest record is dated more than a day ahead of this machine's clock is told of:
            some sender's clock, or unit of time, is wrong, and retention by age keeps such a record until then.
            """)

    @OptionGroup var directory: DataDirectory

    @Option(help: ArgumentHelp("The segment to look into.", valueName: "number"))
    var segment: UInt64?

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let now = SystemSources().now()
        let (view, damages) = try directory.open()
        let segments = try StoreView.segments(of: directory.data, describing: segment)
        if let number = segment {
            guard let found = segments.first(where: { $0.number == number }) else {
                throw CommandFailure(
                    "--segment is \(number), and there is no such segment; there is "
                        + segments.map { "\($0.number)" }.joined(separator: ", "))
            }
            try json ? Output.line(found.json(withBlocks: true)) : Output.write(Array(found.text.utf8))
        } else if json {
            try Output.line(
                .object(
                    ("cut", .integer(view.snapshot.cut)),
                    ("topics", .array(topics(view).map { $0.json(at: now) })),
                    ("segments", .array(segments.map { $0.json(withBlocks: false) }))))
        } else {
            try Output.write(Array((topicText(view) + "\n" + segmentText(segments)).utf8))
        }
        for topic in topics(view) where segment == nil {
            guard let days = topic.daysAhead(of: now) else { continue }
            Output.note(
                "note: the newest record of \(topic.name) is dated \(Quantity.of(days, "day")) ahead of this "
                    + "machine's clock")
        }
        try Output.warn(
            damages + segments.compactMap { found in found.damage.map { "segment \(found.number): \($0)" } })
    }

    // MARK: Topics

    private func topics(_ view: StoreView) -> [TopicRow] {
        view.snapshot.index.topics.filter { !$0.value.isDeleted }.sorted { $0.key < $1.key }.map {
            TopicRow(name: $0.key, index: $0.value)
        }
    }

    private func topicText(_ view: StoreView) -> String {
        var table = TextTable(
            ("topic", .leading), ("partition", .leading), ("records", .trailing), ("blocks", .trailing),
            ("in memory", .trailing), ("bytes", .trailing), ("bytes/record", .trailing), ("from", .leading),
            ("to", .leading))
        for topic in topics(view) {
            let covered = topic.index.covered
            table.append(
                topic.name, "", Quantity.count(topic.index.rowCount), Quantity.count(topic.blockCount),
                Quantity.count(topic.tailRowCount), Quantity.count(topic.index.byteCount),
                topic.bytesARecord.map { Quantity.decimal($0, digitCount: 1) } ?? "-",
                covered?.start.zuluText ?? "-", covered?.end.zuluText ?? "-")
            for (partition, count) in topic.recordCounts.sorted(by: { $0.key < $1.key }) {
                table.append("", partition, Quantity.count(count), "", "", "", "", "", "")
            }
        }
        return table.isEmpty ? "no records yet\n" : table.text
    }

    private func segmentText(_ segments: [SegmentInspection]) -> String {
        var table = TextTable(
            ("segment", .trailing), ("state", .leading), ("bytes", .trailing), ("commits", .leading),
            ("blocks", .trailing), ("records", .trailing), ("events", .trailing), ("keys", .trailing))
        for segment in segments {
            table.append(
                "\(segment.number)", segment.state, Quantity.count(segment.byteCount),
                segment.commits.map { "\($0.lowerBound) to \($0.upperBound)" } ?? "-",
                Quantity.count(segment.blocks.count), Quantity.count(segment.recordCount),
                Quantity.count(segment.eventCount), Quantity.count(segment.keyCount))
        }
        return table.isEmpty ? "no segments yet\n" : table.text
    }
}

/// A topic as the index knows it.
private struct TopicRow {
    let name: String
    let index: TopicIndex

    var blockCount: Int { index.segments.reduce(0) { $0 + $1.blocks.count } }
    var tailRowCount: Int { index.tails.values.joined().reduce(0) { $0 + $1.batch.rowCount } }
    /// Of each partition that ever had any, the records that are there: its next address also counts what was let go.
    var recordCounts: [String: Int] {
        var counts = index.nextIndexes.mapValues { _ in 0 }
        for block in index.segments.lazy.flatMap(\.blocks) {
            counts[block.partition, default: 0] += block.rowCount
        }
        for run in index.tails.values.joined() { counts[run.partition, default: 0] += run.batch.rowCount }
        return counts
    }
    var bytesARecord: Double? { index.rowCount == 0 ? nil : Double(index.byteCount) / Double(index.rowCount) }

    /// Whole days by which the newest record's time is past `now`; nil where it is less than one.
    func daysAhead(of now: Timestamp) -> Int64? {
        guard let end = index.covered?.end, end > now else { return nil }
        let days = (end.microseconds - now.microseconds) / 86_400_000_000
        return days > 0 ? days : nil
    }

    func json(at now: Timestamp) -> JSONValue {
        let partitions = recordCounts.sorted { $0.key < $1.key }.map {
            ($0.key, JSONValue.integer($0.value))
        }
        let covered = index.covered
        return .object(
            ("name", .string(name)), ("partitions", .object(JSONObject(partitions))),
            ("records", .integer(index.rowCount)), ("blocks", .integer(blockCount)),
            ("records_in_memory", .integer(tailRowCount)), ("bytes", .integer(index.byteCount)),
            ("bytes_per_record", .number(bytesARecord)), ("start", .zulu(covered?.start)),
            ("end", .zulu(covered?.end)), ("days_ahead", .integer(daysAhead(of: now) ?? 0)))
    }
}

extension SegmentInspection {
    fileprivate func json(withBlocks: Bool) -> JSONValue {
        var object = JSONObject([
            ("number", .integer(number)), ("state", .string(state)), ("bytes", .integer(byteCount)),
            ("first_commit", commits.map { .integer($0.lowerBound) } ?? .null),
            ("last_commit", commits.map { .integer($0.upperBound) } ?? .null),
            ("envelopes", .integer(envelopeCount)), ("records", .integer(recordCount)),
            ("events", .integer(eventCount)), ("keys", .integer(keyCount)), ("damage", .string(damage)),
        ])
        if withBlocks {
            object.append("blocks", .array(blocks.map(\.json)))
            object.append("columns", .array(columnRows.map(\.json)))
        } else {
            object.append("blocks", .integer(blocks.count))
        }
        return .object(object)
    }

    fileprivate var text: String {
        var table = TextTable(
            ("at byte", .trailing), ("kind", .leading), ("topic", .leading), ("partition", .leading),
            ("first", .trailing), ("records", .trailing), ("bytes", .trailing), ("commit", .trailing),
            ("from", .leading), ("to", .leading))
        for block in blocks {
            table.append(
                "\(block.byteOffset)", block.kind, block.topic, block.partition, "\(block.firstIndex)",
                Quantity.count(block.rowCount), Quantity.count(block.byteCount), "\(block.commit)",
                Timestamp(milliseconds: block.timeMin).zuluText,
                Timestamp(milliseconds: block.timeMax).zuluText)
        }
        var columns = TextTable(
            ("column", .leading), ("type", .leading), ("codec", .leading), ("columns", .trailing),
            ("bytes", .trailing), ("plain", .trailing), ("ratio", .trailing))
        for row in columnRows {
            columns.append(
                row.field, row.type, row.codec, Quantity.count(row.columnCount),
                Quantity.count(row.byteCount),
                Quantity.count(row.plainByteCount),
                row.ratio.map { Quantity.decimal($0, digitCount: 1) } ?? "-")
        }
        return
            "segment \(number), \(state), \(Quantity.bytes(byteCount)), "
            + "\(Quantity.of(envelopeCount, "envelope")), "
            + "\(Quantity.of(eventCount, "event"))\n\n" + table.text
            + (columns.isEmpty ? "" : "\n" + columns.text)
    }

    /// Columns of one field, type and codec together, in the order they were met: a list of 29
    /// elements in a hundred blocks is one line.
    private var columnRows: [ColumnRow] {
        var rows: [ColumnRow] = []
        var places: [[String]: Int] = [:]
        for column in blocks.lazy.compactMap(\.columns).joined() {
            let key = [column.field, column.type, column.codec]
            let place = places[key] ?? rows.count
            if place == rows.count {
                places[key] = place
                rows.append(ColumnRow(field: column.field, type: column.type, codec: column.codec))
            }
            rows[place].columnCount += 1
            rows[place].byteCount += column.byteCount
            rows[place].plainByteCount += column.plainByteCount
        }
        return rows
    }
}

private struct ColumnRow {
    var field: String
    var type: String
    var codec: String
    var columnCount = 0
    var byteCount = 0
    var plainByteCount = 0

    init(field: String, type: String, codec: String) {
        self.field = field
        self.type = type
        self.codec = codec
    }

    /// How many times smaller than plain.
    var ratio: Double? { byteCount == 0 ? nil : Double(plainByteCount) / Double(byteCount) }

    var json: JSONValue {
        .object(
            ("field", .string(field)), ("type", .string(type)), ("codec", .string(codec)),
            ("columns", .integer(columnCount)), ("bytes", .integer(byteCount)),
            ("plain_bytes", .integer(plainByteCount)), ("ratio", .number(ratio)))
    }
}

extension BlockInspection {
    fileprivate var json: JSONValue {
        .object(
            ("offset", .integer(byteOffset)), ("kind", .string(kind)), ("topic", .string(topic)),
            ("partition", .string(partition)), ("first_index", .integer(firstIndex)),
            ("records", .integer(rowCount)), ("bytes", .integer(byteCount)), ("commit", .integer(commit)),
            ("time_min", .integer(timeMin)), ("time_max", .integer(timeMax)))
    }
}
