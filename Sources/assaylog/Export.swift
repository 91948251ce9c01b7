// `assaylog export`: all records of a pipeline, in the order of the log, for another program to read.
//
// Invariant: a file is either the whole export or is not there (OutputFile.swift).

import ArgumentParser
import Queries
import Records
import Store
import Wire

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write all records of a pipeline, partition by partition.",
        discussion: """
            Example:
              assaylog export --pipeline fraud --output fraud.ndjson
              assaylog export --pipeline fraud --arrow --output fraud.arrow

            Records come as the log holds them: one location after another, each in the order it was appended.
            `assaylog append` takes the file back. Arrow holds values, not their texts: 1.50 comes back as 1.5,
            and a field that a record does not have comes back as null. It has at most 20,000 fields, of which a
            list is two; records with more among them are exported as NDJSON.
            NDJSON and JSON do not tell float32 from float64: float32 comes back as float64, and may differ from
            the eighth digit on, unless `append` is given --float32 for each such field, or its pipeline knows of
            it. An export names these fields at its end. Arrow keeps float32.
            JSON has no NaN: where values are JSON text it is written as null, and how often is said; infinities
            are 1e999. With --arrow that is so in columns alone whose values no other type of Arrow holds.
            For records by time, see `assaylog logs`.
            """)

    @OptionGroup var directory: DataDirectory
    @OptionGroup var pipeline: PipelineOptions
    @OptionGroup var period: PeriodOptions
    @OptionGroup var filter: FilterOptions

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The file to write; standard output if left out, or \"-\".", valueName: "file"))
    var output: String?

    @Flag(help: "Inputs and outputs as nested objects instead of dotted names.")
    var nested = false

    @Flag(help: "One JSON list (pandas-records) instead of lines.")
    var json = false

    @Flag(
        help: "An Arrow IPC file instead of lines: columns with their types, for pyarrow, pandas or DuckDB.")
    var arrow = false

    func validate() throws { try RecordStream.Form.check(json: json, arrow: arrow, isToFile: place != nil) }

    /// The file named; nil for standard output.
    private var place: String? { output == "-" ? nil : output }

    func run() throws {
        let (view, damages) = try directory.open()
        let topic = try pipeline.found(in: view.catalog, unseen: view.snapshot.index.unseenRemark).topic.name
        let file = try place.map { try OutputFile($0) }
        var byteCount = 0
        let progress = Progress(byteCount: nil)
        var stream = RecordStream(
            view.snapshot, topic: topic, window: period.window,
            filter: try filter.filter(topic: topic, in: view),
            form: nested ? .nested : .flat, as: arrow ? .arrow : json ? .list : .lines
        ) { bytes in
            byteCount += bytes.count
            try file.map { try $0.write(bytes) } ?? Output.write(bytes)
        }
        if file != nil {
            stream.report = { progress.show("export", bytes: byteCount, rows: $0) }
        }
        try stream.writeByAddress()
        try file?.keep()
        progress.end()
        if let place {
            Output.note(
                "\(Quantity.of(stream.recordCount, "record")), \(Quantity.bytes(byteCount)), in \(place)")
        }
        stream.noteLosses()
        stream.noteFloat32Fields()
        try Output.warn(damages + stream.unseen.map(\.description))
    }
}
