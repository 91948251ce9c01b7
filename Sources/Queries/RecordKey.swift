// Where a record stands among the records of a topic: by time, then by address. It is for ever, like
// both of them, so that a reader who stopped at a key goes on behind it whatever was appended, rolled
// or rewritten in between.

/// Where pages by address go on.
package struct AddressPlace: Hashable, Sendable {
    /// The partition that is being read: those before it, in the order of the pages, are finished.
    package var partition: String
    /// Its next index, and of those behind it the ones that do not start at their end of the log.
    package var positions: [String: UInt64]

    package init(partition: String, positions: [String: UInt64]) {
        self.partition = partition
        self.positions = positions
    }
}

/// The order of answers.
package struct RecordKey: Hashable, Sendable, Comparable {
    /// Milliseconds.
    package var time: Int64
    package var partition: String
    package var index: UInt64

    package init(time: Int64, partition: String, index: UInt64) {
        self.time = time
        self.partition = partition
        self.index = index
    }

    package static func < (left: RecordKey, right: RecordKey) -> Bool {
        if left.time != right.time { return left.time < right.time }
        if left.partition != right.partition { return left.partition < right.partition }
        return left.index < right.index
    }
}
