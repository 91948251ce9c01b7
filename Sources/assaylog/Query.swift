// `assaylog query`: one number of every record of a window, or what they are together.

import ArgumentParser
import EventLog
import JSON
import Queries
import Records
import Store

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
        let answer = try WindowAnswer(query, of: view.snapshot)
        guard try !answer.isOfUnknownPath() else {
            throw try PathOptions.refusal(of: path, topic: topic, in: view)
        }
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
        try Output.warn(damages + answer.values.statistics.unseen.map(\.description))
    }
}

/// What came of it, in each of the forms.
extension WindowAnswer {
    // MARK: Values

    /// Values are made text and written piece by piece: there may be millions.
    fileprivate func printRows(header: String, separator: String, missing: String) throws {
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

    /// The same as JSON.
    fileprivate func printJSON() throws {
        for piece in pieces() { try Output.write(piece) }
        try Output.line("")
    }

    // MARK: Summary

    fileprivate var summaryText: String {
        var table = TextTable((query.path.text, .leading), ("", .trailing))
        for (name, value) in summary where name != "infinity_count" || value != .integer(0) {
            table.append(name, value == .null ? "-" : value.text)
        }
        return table.text
    }

    fileprivate var summaryCSV: String {
        let numbers = summary
        return numbers.map(\.name).joined(separator: ",") + "\n"
            + numbers.map { $0.value == .null ? "" : $0.value.text }.joined(separator: ",") + "\n"
    }

    // MARK: Plan

    fileprivate var planText: String {
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
