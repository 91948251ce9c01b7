// Which filters let any record of a topic through, remembered by a view: creating an assay asks of its windows
// and of its baseline, as a rule of one model, and finding out may take a look at all of a topic.
//
// Invariant: what is remembered is true of the view's snapshot; another view has a memory of its own.

import Queries
import Synchronization

final class FilterMemory: Sendable {
    private struct Key: Hashable {
        let topic: String
        let filter: RecordFilter
    }

    private let known = Mutex<[Key: Bool]>([:])

    /// What is known of a filter, or what `find` says. Two that ask at once may both look.
    func mayHold(
        _ topic: String, _ filter: RecordFilter, _ find: () throws -> Bool
    ) rethrows -> Bool {
        let key = Key(topic: topic, filter: filter)
        if let known = known.withLock({ $0[key] }) { return known }
        let found = try find()
        known.withLock { $0[key] = found }
        return found
    }
}
