// The ways in which the log can fail its caller.

import Disk
import Segments
import Wire

/// What the log refuses, or cannot do. Its text is a sentence with the remedy.
package enum LogError: Error, Hashable, Sendable {
    /// A segment could not be written or read.
    case segment(SegmentError)
    /// The disk refused outside of segments: manifest, directory, lock.
    case disk(DiskError)
    /// The manifest is not one, or is of an unknown version.
    case manifest(file: String, reason: String)
    /// Of the request's source as much waits as it may have now: nothing of the request was kept. Try
    /// again later.
    case busy(waitingByteCount: Int, limit: Int)
    /// The records are none that can be kept as they were posted; nothing of the request was kept.
    case refused(RecordParseError)
    /// The idempotency key stands for another request: its records, or nil while that is under way.
    case keyReused(String, span: AppendedSpan?)
    /// Parts of the log are not seen, so that what was numbered in them would be numbered again.
    case unseen([SegmentPlace])
    /// What stands at a place claims the last numbers that there are, of the whole log or of a partition: nothing
    /// of the request was kept.
    case outOfNumbers(SegmentPlace, reason: String)
    /// The log does not take appends any more; reads go on.
    case closed
}

extension LogError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .segment(let error): error.description
        case .disk(let error): error.description
        case .manifest(let file, let reason):
            "\(file): \(reason); nothing was changed. Where another build of assaylog wrote it, use that one; "
                + "otherwise restore a snapshot (`assaylog restore`), or the whole directory from a backup"
        case .busy(let waiting, let limit):
            "too much waits for the disk: \(waiting) bytes of this topic's partition, which may have "
                + "\(limit) now; try again shortly"
        case .refused(let error): error.description
        case .keyReused(let key, _):
            "the Idempotency-Key \"\(key)\" was used for another request to this topic; a retry repeats its "
                + "request exactly, another request has a key of its own"
        case .unseen(let places):
            "the log takes no appends, deletions, redactions or settings, because \(places.map { "\($0)" }.joined(separator: ", ")) and what follows "
                + "there is not seen, and the numbers of its records and commits would be given away again; restore "
                + "the file from a backup, or give up what is not seen, its records and the deletions, settings and "
                + "idempotency keys among them, with `assaylog serve --without-unseen`"
        case .outOfNumbers(let place, let reason): "\(place): \(reason); run `assaylog check`"
        case .closed: "the log is closed for appends; the process is stopping"
        }
    }

    /// Whether the disk had no space: appends resume by themselves when it has.
    package var isOutOfSpace: Bool { diskError?.kind == .outOfSpace }

    /// What the disk refused; nil where it did not.
    package var diskError: DiskError? {
        switch self {
        case .disk(let error), .segment(.disk(let error)): error
        default: nil
        }
    }
}
