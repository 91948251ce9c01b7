// Where appended records go: into a data directory that this process alone writes, or to a server.
//
// Invariant: when `append` returned, the chunk's records are durable.

import Store

/// What became of one chunk.
struct AppendedChunk {
    var rowCount: Int
    /// Addresses of its records; nil where it held none.
    var indexes: Range<UInt64>?
    /// Commits that hold it.
    var commitCount = 0
    /// Whether an earlier import had brought it: nothing was stored now.
    var wasThere = false
}

/// A part of a chunk is stored, and the rest failed.
struct PartlyAppended: Error {
    let chunk: AppendedChunk
    /// Whatever it was: an `OtherFile`, too, whose part is stored.
    let failure: any Error
}

/// Takes chunks of records, one after another.
protocol RecordSink {
    /// What the records are about to become part of.
    var topic: String { get }

    /// Comes before a file's chunks.
    /// - Parameter attempt: how often the same file was begun before: an `OtherFile` ended each.
    func begin(attempt: Int)

    /// - Throws: `TooLargeTogether` where the chunk is to be halved; `PartlyAppended` where some of it is stored.
    func append(
        _ chunk: RecordChunk, of file: InputFile, counting unit: String, mark: ImportMark?
    ) async throws -> AppendedChunk

    /// Comes behind all chunks where no commit of them said what the import declares: all of it was there.
    func declare() async throws

    /// Up to where earlier imports read files into the same place; nil where that cannot be known.
    func marks() throws -> ImportMarks?

    func close() async throws
}

/// A file begins like one that the sink has, and then differs: it is to be begun once more, as another one.
struct OtherFile: Error {
    /// Records of it up to the place, and in the part that differs.
    var rows: Range<Int>
    /// Whether records of it are stored by now: then it cannot be begun once more.
    var isStored = false
    /// Whether it is to be resumed, and no file that it could be is left.
    var isLast = false

    func description(of name: String) -> String {
        let remedy =
            if isLast {
                "put it back as it was, or send it without --resume, as a file of its own"
            } else if isStored {
                "part of it is stored already; send all of it once more with --again, or make what is new a "
                    + "file of its own"
            } else {
                "nothing of it is stored, and it cannot be read once more; save it to a file and send that, or "
                    + "send it with --again"
            }
        return "\(name) begins like a file that was sent before and differs from it behind record "
            + "\(rows.lowerBound) (the server has \(Quantity.of(rows.count, "other record")) there): "
            + remedy
    }
}
