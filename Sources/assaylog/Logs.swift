// `assaylog logs`: whole records of a window, by time.

import ArgumentParser
import Queries
import Records
import Store
import Wire

struct Logs: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Print whole records of a window, one a line.",
        discussion: """
            Example:
              assaylog logs --pipeline fraud --newest --limit 3
              assaylog logs --pipeline fraud --start 2024-01-09 --arrow > from.arrow

            Records come oldest first, or newest first with --newest, as NDJSON: one JSON object a line, every
            number in the text it was posted in. Without --limit all records of the window are printed. Works
            beside a running server.
            """)

    @OptionGroup var directory: DataDirectory
    @OptionGroup var pipeline: PipelineOptions
    @OptionGroup var period: PeriodOptions
    @OptionGroup var filter: FilterOptions

    @Option(help: "How many records at most.")
    var limit: Int?

    @Flag(help: "The newest first.")
    var newest = false

    @Flag(help: "Inputs and outputs as nested objects instead of dotted names.")
    var nested = false

    @Flag(help: "One JSON list instead of lines.")
    var json = false

    @Flag(help: "An Arrow IPC file instead of lines; for a pipe or a file.")
    var arrow = false

    func validate() throws {
        try RecordStream.Form.check(json: json, arrow: arrow, isToFile: false)
        if let limit, limit < 1 { throw ValidationError("--limit is \(limit); it must be 1 or more.") }
    }

    func run() throws {
        let (view, damages) = try directory.open()
        let topic = try pipeline.found(in: view.catalog, unseen: view.snapshot.index.unseenRemark).topic.name
        var stream = RecordStream(
            view.snapshot, topic: topic, window: period.window,
            filter: try filter.filter(topic: topic, in: view),
            form: nested ? .nested : .flat, as: arrow ? .arrow : json ? .list : .lines, to: Output.write)
        try stream.writeByTime(limit: limit ?? .max, newestFirst: newest)
        stream.noteLosses()
        try Output.warn(damages + stream.unseen.map(\.description))
    }
}
