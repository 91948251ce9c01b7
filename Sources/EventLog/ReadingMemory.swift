// Which topics' posts cannot be read as one body, so that nobody tries it anew with every envelope.
//
// Lists of other lengths in each post make another kind of column together than each by itself: the
// writer's thread finds that out after it has read them all, and reads each again. A topic of which that is
// known has its posts read by those who bring them, on all processors and once.
//
// Invariants:
//  * What is remembered decides where a text is read and how often, never what is made of it.
//  * It is remembered for `readAloneCount` posts, as clients may change what they post.
//  * A text that is refused says nothing of its topic.

import Synchronization

/// What a log found out since it was opened, for any thread.
package final class ReadingMemory: Sendable {
    /// Posts that are still to be read alone, by topic.
    private let left = Mutex<[String: Int]>([:])

    /// Trying once in so many posts costs a thousandth.
    package static let readAloneCount = 1024
    /// Topics remembered; past it all are forgotten, which costs each another try.
    private static let topicCountMax = 10_000

    package init() {}

    /// Whether a post to the topic is to be read by whoever brings it. Counts it, if so.
    package func readsAtHome(_ topic: String) -> Bool {
        left.withLock { left in
            guard let count = left[topic] else { return false }
            left[topic] = count > 1 ? count - 1 : nil
            return true
        }
    }

    /// Notes that texts were read together in vain, though none of them is refused: it lies in what the topic gets.
    func noteTwice(_ topic: String) {
        left.withLock { left in
            if left[topic] == nil, left.count >= ReadingMemory.topicCountMax { left = [:] }
            left[topic] = ReadingMemory.readAloneCount
        }
    }
}
