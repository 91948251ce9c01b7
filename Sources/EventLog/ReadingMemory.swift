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
    /// How texts were read.
    package struct Counts: Hashable, Sendable {
        /// With others', as one.
        package var together = 0
        /// With others', in vain, and then alone.
        package var twice = 0
        /// By those who brought them.
        package var atHome = 0
    }

    private struct State {
        /// Posts that are still to be read alone, by topic.
        var left: [String: Int] = [:]
        var counts = Counts()
    }

    private let state = Mutex(State())

    /// Trying once in so many posts costs a thousandth.
    package static let readAloneCount = 1024
    /// Topics remembered; past it all are forgotten, which costs each another try.
    private static let topicCountMax = 10_000

    package init() {}

    package var counts: Counts { state.withLock { $0.counts } }

    /// Whether a post to the topic is to be read by whoever brings it. Counts it, if so.
    package func readsAtHome(_ topic: String) -> Bool {
        state.withLock { state in
            guard let left = state.left[topic] else { return false }
            state.left[topic] = left > 1 ? left - 1 : nil
            state.counts.atHome += 1
            return true
        }
    }

    func noteTogether(_ count: Int) { state.withLock { $0.counts.together += count } }

    /// Notes that texts were read together in vain.
    ///
    /// - Parameter isTopics: whether none of them was refused, so that it lies in what the topic gets.
    func noteTwice(_ count: Int, _ topic: String, isTopics: Bool) {
        state.withLock { state in
            state.counts.twice += count
            guard isTopics else { return }
            if state.left[topic] == nil, state.left.count >= ReadingMemory.topicCountMax { state.left = [:] }
            state.left[topic] = ReadingMemory.readAloneCount
        }
    }
}
