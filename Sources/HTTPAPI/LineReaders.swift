// How many answers of lines are under way at once: each holds a page of records, and the columns it is written from.
//
// Invariant: at most `countMax` are; another is refused before it begins.

import HTTPTypes
import Synchronization

/// How many answers of lines may be under way: each holds a page of records, about three megabytes.
final class LineReaders: Sendable {
    private let countMax: Int
    private let count = Mutex(0)

    init(countMax: Int = 32) { self.countMax = countMax }

    /// One answer's place, until nobody holds it.
    final class Place: Sendable {
        private let readers: LineReaders

        fileprivate init(_ readers: LineReaders) { self.readers = readers }

        deinit { readers.count.withLock { $0 -= 1 } }
    }

    /// - Throws: 429 where all places are taken.
    func enter() throws -> Place {
        let isTaken = count.withLock { count in
            guard count < countMax else { return false }
            count += 1
            return true
        }
        guard isTaken else {
            var refusal = RequestRefusal(
                .tooManyRequests,
                "\(countMax) answers of lines are being read; try again when one has ended, or ask for pages")
            refusal.headers[.retryAfter] = "1"
            throw refusal
        }
        return Place(self)
    }
}
