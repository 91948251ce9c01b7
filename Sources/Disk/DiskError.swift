// The disk refused.
//
// Invariant: every case names the operation's file; errno is known to PosixFileSystem only, and
// travels here as a kind to switch on and a sentence to read.

/// An operation that the disk refused. Its text says what to do, where that is known.
package struct DiskError: Error, Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// No space, or a quota: appends are refused until space returns; reads go on.
        case outOfSpace
        case notFound
        case exists
        /// Whoever runs this may not: nothing is known to be wrong with the file.
        case denied
        /// Another process holds the writer's lock.
        case locked
        /// The file ends before what was asked for.
        case pastEnd
        /// The medium or the driver failed, or anything else; the text says what.
        case other
    }

    package var kind: Kind
    /// The call, as `append` or `sync`.
    package var operation: String
    /// The name that the operation was given, or the whole path of it.
    package var file: String
    /// What was wrong, in the system's words or ours.
    package var reason: String

    package init(kind: Kind, operation: String, file: String, reason: String) {
        self.kind = kind
        self.operation = operation
        self.file = file
        self.reason = reason
    }
}

extension DiskError: CustomStringConvertible {
    package var description: String {
        let remedy =
            switch kind {
            case .outOfSpace: "; free some space, appends resume by themselves"
            case .denied:
                "; give the user that this runs as the right to it (its folders need it too), and try again"
            case .locked: "; stop the other process, or ask it over HTTP"
            default: ""
            }
        return "\(operation) of \(file) failed: \(reason)\(remedy)"
    }
}
