// `assaylog append`: files of records into the log.
//
// A file is read in chunks, and each chunk is one commit. Into a data directory the commit holds,
// beside the records, a mark of how far the file is read; so after a crash, a kill or a bad line
// `--resume` goes on exactly behind the last durable record, and an import that was done is not
// done again by mistake. (A note beside the file would tell of commits that a crash undid, or miss
// the last one.) The mark has a checksum of all that was read, so that a file that changed since is not taken
// for itself. To a server each chunk goes with an Idempotency-Key (ServerSink.swift): whatever of the file
// was stored in the last day is not stored again, however often it is sent.
//
// Invariants:
//  * A chunk's records are in the log all or none, and durable before the next chunk is committed.
//  * With a mark, no record of a file is appended twice unless --again asks for it.

import ArgumentParser
import Bytes
import JSON
import Records
import Store
import Wire

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

    @Option(
        help: ArgumentHelp(
            "Send the records to this server instead, as http://localhost:8080.", valueName: "url"))
    var server: String?

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

/// Files into a sink, one after another, and what came of it.
private struct Importer {
    let sink: any RecordSink
    let options: Append
    let progress: Progress
    private let start = SystemSources.monotonicClock()

    private var rowCount = 0
    private var commitCount = 0
    private var byteCount = 0
    private var skippedByteCount = 0
    private var indexes: Range<UInt64>?
    private(set) var declared: DeclaredFields
    /// What is read now; nil before the first.
    private var current: InputFile?
    /// Records before it that were stored now.
    private var rowCountBefore = 0
    /// What was read to its end and cannot be read once more.
    private var pipesBefore: [String] = []

    init(sink: any RecordSink, options: Append, byteCount: Int?) {
        self.sink = sink
        self.options = options
        declared = DeclaredFields(options.float32)
        progress = Progress(byteCount: byteCount)
    }

    mutating func append(_ file: InputFile) async throws {
        if let before = current, before.byteCount == nil { pipesBefore.append(before.name) }
        (current, rowCountBefore) = (file, rowCount)
        let mark = try mark(of: file)
        let before = skippedByteCount
        for attempt in 0... {
            sink.begin(attempt: attempt)
            do { return try await append(file, noting: mark) } catch let other as OtherFile {
                // As nothing of it was stored, it can be sent again from its beginning, for itself.
                guard !other.isStored, !other.isLast, file.byteCount != nil else {
                    throw CommandFailure(other.description(of: file.name))
                }
                skippedByteCount = before
                try file.seek(to: 0)
            }
        }
    }

    private mutating func append(_ file: InputFile, noting known: ImportMark?) async throws {
        var mark = known
        let begin = mark?.byteCount ?? 0
        skippedByteCount += begin
        var chunks = try file.chunks(from: begin, rowsLeft: mark?.rowsLeft ?? 0, isCSV: options.csv)
        /// Halves of a chunk, the next one last.
        var halves: [RecordChunk] = []
        while let chunk = try halves.popLast() ?? chunks.chunk() {
            let before = mark
            if let last = mark {
                mark?.begin = ImportMark.Place(
                    byteCount: last.byteCount, checksum: last.checksum ?? 0, rowsLeft: last.rowsLeft)
                mark?.checksum = try file.checksum(last.checksum ?? 0, from: last.byteCount, to: chunk.end)
                mark?.byteCount = chunk.end
                mark?.rowsLeft = chunk.rowsLeft
                mark?.at = SystemSources.wallClock()
                mark?.digest = try ImportMark.digest(upTo: chunk.end) { try file.read(at: $0, byteCount: $1) }
            }
            look(at: chunk)
            let appended: AppendedChunk
            do {
                appended = try await sink.append(chunk, of: file, counting: chunks.unit, mark: mark)
            } catch let refusal as TooLargeTogether {
                guard let both = try chunk.halves(counting: chunks.unit) else { throw refusal.failure }
                halves += both.reversed()
                mark = before
                continue
            } catch let stop as PartlyAppended {
                count(stop.chunk)
                throw stop.failure
            }
            mark?.rowCount += appended.rowCount
            guard !appended.wasThere else {
                skippedByteCount += chunk.end - chunk.start
                progress.show("append", bytes: skippedByteCount + byteCount, rows: rowCount)
                continue
            }
            byteCount += chunk.end - chunk.start
            count(appended)
            progress.show("append", bytes: skippedByteCount + byteCount, rows: rowCount)
        }
    }

    /// Looks for the declared fields in a chunk, as a rule the first alone. One that cannot be read is for its sink to
    /// refuse.
    private mutating func look(at chunk: RecordChunk) {
        guard !declared.isEmpty else { return }
        let parsed =
            try? chunk.kind == .arrow
            ? chunk.arrowRecords() : RecordParser.parse(chunk.text, as: .lines)
        if let parsed { declared.look(at: parsed.batch) }
    }

    private mutating func count(_ appended: AppendedChunk) {
        rowCount += appended.rowCount
        guard let found = appended.indexes else { return }
        commitCount += appended.commitCount
        indexes = (indexes?.lowerBound ?? found.lowerBound)..<found.upperBound
    }

    /// What a commit of records says is declared with them; without one, by itself.
    func declare() async throws { if commitCount == 0 { try await sink.declare() } }

    /// Where to begin with a file, and what to note of it; nil where nothing is noted.
    private func mark(of file: InputFile) throws -> ImportMark? {
        guard let size = file.byteCount, let known = try sink.marks() else { return nil }
        let path = file.absolutePath
        var fresh = ImportMark(
            topic: sink.topic, partition: options.partition, path: path, byteCount: 0, rowCount: 0,
            digest: "",
            at: SystemSources.wallClock())
        fresh.isAgain = options.again
        guard !options.again else { return fresh }
        // It may be this file's, and go farther than those that can be read.
        if let unread = known.unread.first {
            let more = known.unread.count > 1 ? " and \(known.unread.count - 1) more" : ""
            throw CommandFailure(
                "whether \(file.name) is in the log already is not known, for how far an import into partition "
                    + "\"\(options.partition)\" had come cannot be read: \(unread)\(more); restore that file of "
                    + "the log from a backup, or import all of \(file.name) with --again, which does not ask")
        }
        let marks = known.marks
        var search = MarkSearch(file: file, path: path, byteCount: size)
        let found = try search.farthest(of: marks)
        guard var known = found else {
            let wasThere = search.changed != nil || marks.contains { $0.path.isExactly(path) }
            guard options.resume, wasThere else { return fresh }
            let place =
                search.changed.map { ", between byte \($0.lowerBound) and byte \($0.upperBound)" } ?? ""
            throw CommandFailure(
                "\(file.name) was imported before and has changed since\(place), "
                    + "so that there is no place to go on at; put it back as it was, "
                    + "move what is new to a file of its own, or import all of it once more with --again")
        }
        if known.checksum == nil { known.checksum = try file.checksum(0, from: 0, to: known.byteCount) }
        guard options.resume else {
            throw CommandFailure(
                "\(file.name) is in the log already: \(Quantity.count(known.rowCount)) records, up to byte "
                    + "\(known.byteCount) of \(size), since \(known.at.zuluText); "
                    + "--resume goes on behind them, --again imports them once more")
        }
        known.path = path
        return known
    }

    // MARK: What was done

    private var seconds: Double { Double(SystemSources.monotonicClock() - start) / 1e9 }

    func report(json: Bool) throws {
        if json {
            try Output.line(document)
        } else {
            let rate = Quantity.count(Int(Double(rowCount) / max(seconds, 1e-3)))
            try Output.line(
                "\(Quantity.of(rowCount, "record")) in \(Quantity.of(commitCount, "commit")), "
                    + "\(Quantity.bytes(byteCount)), "
                    + "\(Quantity.decimal(seconds, digitCount: 2)) s (\(rate) records/s)"
                    + (skippedByteCount > 0
                        ? "; \(Quantity.bytes(skippedByteCount)) were in the log already" : ""))
        }
    }

    /// After a failure: what is in the log all the same, and how to go on.
    func remainder(after failure: any Error) -> String {
        guard rowCount > 0 else { return "" }
        // Nothing is wrong with a file for which no server was there.
        let serverRemedy = (failure as? CommandFailure)?.serverRemedy
        let kept = "\n\(Quantity.of(rowCount, "record")) before it \(rowCount == 1 ? "is" : "are") in the log"
        if options.server != nil, options.again {
            return kept
                + "; with --again a server cannot tell them from others that are alike: send only what "
                + "comes behind them, or they are stored twice"
        }
        let onServer = options.server == nil ? "" : ": they are not stored twice within a day"
        guard let current, current.byteCount == nil else {
            let pipes = pipesBefore.joined(separator: ", ")
            return kept + "; \(serverRemedy ?? "mend the file behind them") and run again with --resume"
                + (pipes.isEmpty
                    ? "" : ", without \(pipes): that was read to its end, and --resume refuses it")
                + onServer
        }
        guard options.server == nil else {
            return kept + "; \(serverRemedy ?? "mend what comes behind them") and send it all again"
                + onServer
        }
        // Without a file there is no mark of how far it was read.
        let others = options.files.count > 1 ? ", and without the inputs that were named before it" : ""
        let count = rowCount - rowCountBefore
        guard count > 0 else { return kept + "; none is of \(current.name): give it again" + others }
        return kept
            + "; \(current.name) cannot be gone back to, and no note is kept of how far it was read: give it "
            + "again without its first \(Quantity.of(count, "record"))\(others), or they are stored twice"
    }

    private var document: JSONValue {
        .object(
            ("topic", .string(sink.topic)), ("partition", .string(options.partition)),
            ("records", .integer(rowCount)), ("commits", .integer(commitCount)),
            ("bytes", .integer(byteCount)),
            ("skipped_bytes", .integer(skippedByteCount)),
            ("first_index", indexes.map { .integer($0.lowerBound) } ?? .null),
            ("end_index", indexes.map { .integer($0.upperBound) } ?? .null), ("seconds", .number(seconds)))
    }
}
