// `assaylog append`: files of records into the log. Importer.swift says what is stored once.

import ArgumentParser
import Bytes
import Records

struct Append: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "append",
        abstract: "Import files of records into a data directory or a running server.",
        discussion: """
            Example:
              assaylog append --create --workspace demo --pipeline fraud records.ndjson

            Takes NDJSON (one JSON object a line), pandas-records JSON (one list of objects), Arrow IPC files
            and streams, which the first bytes tell apart, and CSV (files named .csv, or --csv); "-" is
            standard input. Fields have dotted names or are nested: "in.amount" or {"in":{"amount":…}}; "time"
            is milliseconds since 1970, and now where it is left out. Up to 10,000 records, or the record
            batches of an Arrow file that have as many, are one durable commit; fewer where records have
            few fields in common, and where one record batch has more than a commit holds. At most 20,000
            fields are taken together, of Arrow nested ones counted; where one record has more, make numbers of
            one kind a list, which is one field (of Arrow two).

            In CSV the first line names the fields. A cell is a number (also .5, 5. and +5, which are kept as
            0.5, 5.0 and 5), true or false (True, False), null where it is empty, a list like "[0.1, 0.9]",
            an object like "{""a"": 1}", or else text, as is 007. The word null is null, too. A quoted cell is
            text, but for a list or an object.

            After an interruption run the same command with --resume: it goes on behind the last durable
            record. A file is the same where all bytes that were imported of it are, whatever it is called; one
            that changed is refused by --resume with the place, and without it is another file.
            A server stores each part of a file once within a day, however often the file is sent. Of a file
            that has grown, or of Arrow with more record batches behind the same ones, --resume stores what is
            new; without it a file whose beginning alone is there is refused, as it may be another one, whose
            first records would be lost. A file that begins like one that was sent, and then differs, is another
            file and is stored as a whole; with --resume it is refused, unless its own import was interrupted.
            Standard input that is a file, as in `append … - < FILE`, is one like any other. What comes through
            a pipe, or is left of a file that was read in part, cannot be gone back to: a server takes it again
            and stores what is new; a data directory stores all of it once more, so that after an interruption it
            is to be given the rest alone (`assaylog inspect` counts the records of each partition).
            A data directory and a server know of a file what was sent to them in their own way: after an import
            with --data, the same file sent with --server is stored once more, and the reverse.
            """)

    @OptionGroup var directory: DataDirectory
    @OptionGroup var pipeline: PipelineOptions

    @Option(help: ArgumentHelp("The location that the records are of.", valueName: "name"))
    var partition = "import"

    @Flag(help: "The location is an edge: not counted where assays look at home.")
    var edge = false

    @Option(
        help: ArgumentHelp(
            "A field whose numbers are float32, as a model's outputs are; may be repeated. Known of the "
                + "outputs of the pipeline's own models.", valueName: "field"))
    var float32: [String] = []

    @Flag(help: "The files are CSV, whatever they are called.")
    var csv = false

    @Flag(help: "Make the data directory, workspace and pipeline that are not there.")
    var create = false

    @Flag(help: "Go on where an interrupted import of the same file ended.")
    var resume = false

    @Flag(help: "Import a file that is in the log already once more.")
    var again = false

    @OptionGroup private var instead: ServerOption

    var server: String? { instead.server }

    @Flag(help: "Say what was done as one line of JSON.")
    var json = false

    @Argument(help: "Files of records; \"-\" for standard input.")
    var files: [String]

    func validate() throws {
        if let problem = RecordLimits.problem(ofPartition: partition, beside: [String: Never]()) {
            throw ValidationError("--partition \(problem).")
        }
        guard !float32.contains(where: { $0.isExactly("time") }) else {
            throw ValidationError("--float32 is \"time\", which is a whole number of milliseconds.")
        }
        guard !resume || !again else { throw ValidationError("--resume and --again contradict each other.") }
    }

    func run() async throws {
        // All files are opened before anything is appended: a name that is wrong costs nothing.
        let inputs = try files.map { try InputFile($0) }
        if resume, let pipe = inputs.first(where: { $0.byteCount == nil }) {
            throw ValidationError(
                "\(pipe.name) is no file that can be gone back to, which --resume needs"
                    + (server == nil
                        ? "; save it to one, without the records of it that are in the log: no note is kept of how "
                            + "far it was read, and `assaylog inspect` counts the records of each partition."
                        : "; without it, what the server has is not stored again."))
        }
        let sink: any RecordSink =
            if let server { try ServerSink.open(self, server) } else { try await StoreSink.open(self) }
        var importer = Importer(sink: sink, options: self, byteCount: total(inputs))
        var failure: (any Error)?
        do {
            for input in inputs { try await importer.append(input) }
            try await importer.declare()
        } catch { failure = error }
        importer.progress.end()
        do { try await sink.close() } catch { failure = failure ?? error }
        if let failure {
            throw CommandFailure("\(failure)" + importer.remainder(after: failure))
        }
        for (field, problem) in importer.declared.problems {
            Output.note("note: --float32 is \"\(field)\", and \(problem)")
        }
        try importer.report(json: json)
    }

    private func total(_ inputs: [InputFile]) -> Int? {
        inputs.reduce(0) { sum, input in sum.flatMap { sum in input.byteCount.map { sum + $0 } } }
    }
}
