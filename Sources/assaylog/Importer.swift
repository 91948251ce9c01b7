// Files into the log, for `assaylog append`.
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

import Bytes
import JSON
import Records
import Store
import Wire

/// Files into a sink, one after another, and what came of it.
struct Importer {
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
