// `assaylog query`: one number of every record of a window, or what they are together.

import ArgumentParser
import Assays
import EventLog
import JSON
import Queries
import Records
import Store
import Summaries

struct Query: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query",
        abstract: "Slice one input or output over a window of time.",
        discussion: """
            Example:
              assaylog query --pipeline fraud --path "output dense_1 0" \\
                --start 2024-01-09T00:00:00Z --summary

            Values are printed with their records' times, oldest first. A record without a number at the path
            is shown too: as "-" in a table, as null in JSON, as nothing in CSV. An infinite number is "inf" in a table
            and in CSV, and null in JSON, which has none; --summary counts them. --explain prints instead
            which blocks are read and which are not, and why. Where damaged parts of the log could not be seen,
            each is named on standard error, and the exit code is 1. Works beside a running server, and may then see
            a commit some milliseconds before it is durable.
            """)

    @OptionGroup var directory: DataDirectory
    @OptionGroup var pipeline: PipelineOptions

    @Option(
        help: ArgumentHelp(
            "The number asked for, as \"output dense_1 0\" or \"input age\".", valueName: "path"),
        transform: PathOptions.path)
    var path: IOPath

    @OptionGroup var period: PeriodOptions
    @OptionGroup var filter: FilterOptions

    @Flag(help: "Print count, least, greatest, mean, median and deviation instead of the values.")
    var summary = false

    @Flag(help: "Print the plan and what it cost instead of the values.")
    var explain = false

    @Option(help: "How to print: table, json or csv.")
    var format = OutputFormat.table

    @Flag(help: "The same as --format json.")
    var json = false

    func validate() throws {
        guard !json || format != .csv else {
            throw ValidationError("--json and --format csv contradict each other.")
        }
        guard !explain || format != .csv else {
            throw ValidationError(
                "--explain prints a plan, which is no table: leave out --format csv, or use --json.")
        }
    }

    func run() throws {
        let (view, damages) = try directory.open()
        let topic = try pipeline.found(in: view.catalog, unseen: view.snapshot.index.unseenRemark).topic.name
        let query = WindowQuery(
            topic: topic, window: period.window, path: path, filter: try filter.filter(topic: topic, in: view)
        )
        let start = SystemSources.monotonicClock()
        let values = try ColumnScan(view.snapshot).values(query)
        let microseconds = (SystemSources.monotonicClock() - start) / 1000
        var whenever = query
        whenever.window = .always
        if !values.times.isEmpty, !values.pathWasFound, values.statistics.unseen.isEmpty,
            try !ColumnScan(view.snapshot).mayHaveNumbers(whenever)
        {
            throw try PathOptions.refusal(of: path, topic: topic, in: view)
        }
        let answer = QueryAnswer(query: query, values: values, view: view, microseconds: microseconds)
        switch (json ? .json : format, summary, explain) {
        case (.json, false, false): try answer.printJSON()
        case (.json, _, _): try Output.line(answer.document(withSummary: summary, withPlan: explain))
        case (.csv, false, false): try answer.printRows(header: "time,value\n", separator: ",", missing: "")
        case (.csv, _, false): try Output.write(Array(answer.summaryCSV.utf8))
        case (.table, false, false): try answer.printRows(header: "", separator: "  ", missing: "-")
        case (_, _, true):
            if summary { try Output.write(Array((answer.summaryText + "\n").utf8)) }
            try Output.write(Array(answer.planText.utf8))
        case (.table, true, false): try Output.write(Array(answer.summaryText.utf8))
        }
        try Output.warn(damages + values.statistics.unseen.map(\.description))
    }
}

/// What was asked and what came of it, in each of the forms.
private struct QueryAnswer {
    let query: WindowQuery
    let values: ColumnValues
    let view: StoreView
    let microseconds: Int64

    private var numbers: Summary { Summary(ofNumbers: SortedSample(values.values)) }

    // MARK: Values

    /// Values are made text and written piece by piece: there may be millions.
    func printRows(header: String, separator: String, missing: String) throws {
        var bytes = Array(header.utf8)
        for (time, value) in zip(values.times, values.values) {
            bytes += Array(Timestamp(milliseconds: time).zuluText.utf8) + Array(separator.utf8)
            bytes += Array((value.isNaN ? missing : "\(value)").utf8)
            bytes.append(0x0A)
            if bytes.count >= Output.flushByteCount {
                try Output.write(bytes)
                bytes.removeAll(keepingCapacity: true)
            }
        }
        try Output.write(bytes)
    }

    /// The same as `document`, with the two long lists written piece by piece.
    func printJSON() throws {
        var head: [UInt8] = []
        JSONValue.object(JSONObject(question)).write(into: &head)
        head.removeLast()
        var writer = JSONWriter()
        writer.bytes = head
        func list(_ name: StaticString, _ count: Int, _ write: (inout JSONWriter, Int) -> Void) throws {
            writer.write(name)
            for index in 0..<count {
                if index > 0 { writer.write(byte: UInt8(ascii: ",")) }
                write(&writer, index)
                if writer.bytes.count >= Output.flushByteCount {
                    try Output.write(writer.bytes)
                    writer.bytes.removeAll(keepingCapacity: true)
                }
            }
            writer.write(byte: UInt8(ascii: "]"))
        }
        try list(",\"times\":[", values.times.count) { $0.write(values.times[$1]) }
        try list(",\"values\":[", values.values.count) { $0.write(values.values[$1]) }
        writer.write("}\n")
        try Output.write(writer.bytes)
    }

    private var question: [(String, JSONValue)] {
        [
            ("topic", .string(query.topic)), ("path", .string(query.path.text)),
            ("start", query.window.start == TimeWindow.always.start ? .null : .zulu(query.window.start)),
            ("end", query.window.end == TimeWindow.always.end ? .null : .zulu(query.window.end)),
            ("cut", .integer(view.snapshot.cut)),
        ]
    }

    func document(withSummary: Bool, withPlan: Bool) -> JSONValue {
        var object = JSONObject(question)
        if withSummary {
            for (name, value) in statistics { object.append(name, value) }
        }
        if withPlan {
            object.append("plan", plan.json)
            object.append(
                "statistics",
                .object(
                    JSONObject(values.statistics.members + [("microseconds", .integer(microseconds))])))
        }
        return .object(object)
    }

    // MARK: Summary

    private var statistics: [(name: String, value: JSONValue)] { numbers.statistics }

    var summaryText: String {
        var table = TextTable((query.path.text, .leading), ("", .trailing))
        for (name, value) in statistics where name != "infinity_count" || value != .integer(0) {
            table.append(name, value == .null ? "-" : value.text)
        }
        return table.text
    }

    var summaryCSV: String {
        statistics.map(\.name).joined(separator: ",") + "\n"
            + statistics.map { $0.value == .null ? "" : $0.value.text }.joined(separator: ",") + "\n"
    }

    // MARK: Plan

    private var plan: QueryPlan {
        QueryPlan(
            topic: view.snapshot.index.topics[query.topic], window: query.window, filter: query.filter,
            cut: query.cut, explaining: true)
    }

    var planText: String {
        let statistics = values.statistics
        let text = plan.text
        return (text.isEmpty ? "nothing to read: the topic has no records there\n" : text + "\n")
            + "\(Quantity.of(statistics.blocksRead, "block")) read, \(statistics.blocksSkipped) skipped, "
            + "\(Quantity.of(statistics.tailRunsRead, "run")) in memory; "
            + "\(Quantity.of(statistics.bytesRead, "byte")); "
            + "\(Quantity.of(statistics.rowsSeen, "record")) seen, "
            + "\(Quantity.count(statistics.rowsKept)) kept; "
            + "\(Quantity.count(microseconds)) µs\n"
    }
}
